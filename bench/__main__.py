"""``python -m bench``: one table for corral, Docker, Podman, and bare runc and crun where it applies; then figures of
the runtime alone, without an engine around it.

Peers are engines that already answer at ``$CORRAL_PEERS/{docker,podman}.sock``; those that do not are left out. Needs
root and the docker command line client. Engines take turns within each job, so that all meet the same machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from bench import filters, inprocess
from bench.engines import PEERS, Engine, engines
from bench.jobs import JOBS, Job
from bench.runtimes import print_figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("-k", metavar="WORD", default="", help="only jobs whose name contains WORD")
    parser.add_argument("--engines", default="corral,docker,podman", help="comma-separated (%(default)s)")
    parser.add_argument("--runs", type=int, default=21, help="samples of each short job (%(default)s)")
    arguments = parser.parse_args()
    jobs = [job for job in JOBS if arguments.k in job.name]
    with engines(arguments.engines.split(",")) as present:
        names = [engine.name for engine in present]
        print(f"| job | {' | '.join(names)} | ratio to Docker | target |")
        print("|---" * (len(names) + 3) + "|")
        for job in jobs:
            print(_row(job, present, arguments.runs), flush=True)
    if arguments.k in "system call filter":
        filters.show(arguments.runs)
    if arguments.k in "in-process":
        inprocess.show(arguments.runs)
    if arguments.k in "bare runtimes" and (PEERS / "sid").exists():
        print_figures(arguments.runs)


def _row(job: Job, present: list[Engine], runs: int) -> str:
    figures: dict[str, float] = {}
    for engine in present:
        if job.only_corral and engine.host is None:
            continue
        try:
            figures[engine.name] = job.measure(engine, runs)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"{engine.name}: {job.name}: {error}", file=sys.stderr)
    cells = [_text(figures[engine.name], job.unit) if engine.name in figures else "-" for engine in present]
    ratio = figures["corral"] / figures["docker"] if {"corral", "docker"} <= figures.keys() else None
    target = f"{job.target:.2f}x" if job.target is not None else _text(job.limit or 0, job.unit)
    return f"| {job.name} | {' | '.join(cells)} | {f'{ratio:.2f}x' if ratio is not None else '-'} | {target} |"


def _text(figure: float, unit: str) -> str:
    if unit == "B":
        return f"{figure / 1e6:.2f} MB"
    return f"{figure * 1000:.0f} ms" if abs(figure) < 1 else f"{figure:.2f} s"


if __name__ == "__main__":
    main()
