"""Bare OCI runtimes as commands, side by side: one busybox bundle each; they take turns, and meet the same machine."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.engines import runtime

OURS = "corral-oci"
NAMES = ("runc", "crun", OURS)
TARGET = 1.2
OWN_TARGET = 0.040
_VERBS = (("state", "bench-verbs"), ("exec", "bench-verbs", "/bin/true"), ("list",), ("features",))


def print_figures(runs: int) -> None:
    """``run`` of a program that ends at once: the median of each, and ours as a multiple of runc's."""
    figures: dict[str, float] = {}
    with contextlib.ExitStack() as stack:
        commands = {}
        for name in NAMES:
            command = stack.enter_context(runtime(name))
            if (said := _call(command)) is None:
                commands[name] = command
            else:
                print(f"bare {name}, run true: does not run here: {said}")
        samples = _turns(commands, runs)
        figures = {name: statistics.median(times) for name, times in samples.items()}
        best = {name: min(times) for name, times in samples.items()}
    for name, figure in figures.items():
        ratio = f", {figure / figures['runc']:.2f}x runc (target {TARGET}x)" if "runc" in figures else ""
        print(f"bare {name}, run true: {figure * 1000:.0f} ms, at best {best[name] * 1000:.0f} ms{ratio}")
    for verb, figure in _verbs(runs).items():
        print(f"{OURS} {verb}: {figure * 1000:.0f} ms (target {OWN_TARGET * 1000:.0f} ms)")


def _turns(commands: dict[str, list[str]], runs: int) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            begin = time.perf_counter()
            _call(command)
            samples[name].append(time.perf_counter() - begin)
    return samples


def _verbs(runs: int) -> dict[str, float]:
    """Of a container that runs."""
    with runtime(OURS) as run:
        program = str(Path(sys.executable).parent / OURS)
        bundle = Path(run[run.index("-b") + 1])
        config = (bundle / "config.json").read_text()
        (bundle / "config.json").write_text(config.replace('"/bin/true"', '"/bin/sleep", "1000"'))
        if said := _call([program, "run", "--detach", "-b", str(bundle), "bench-verbs"]):
            print(f"{OURS} run --detach: {said}")
            return {}
        try:
            commands = {verb[0]: [program, *verb] for verb in _VERBS}
            return {verb: statistics.median(times) for verb, times in _turns(commands, runs).items()}
        finally:
            _call([program, "delete", "--force", "bench-verbs"])


def _call(command: Sequence[str]) -> str | None:
    """None, or why it failed. Output goes to a file: what is left running would keep a pipe open."""
    with tempfile.TemporaryFile() as errors:
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=errors, stdin=subprocess.DEVNULL, check=False, env=_env()
        )
        if done.returncode == 0:
            return None
        errors.seek(0)
        return errors.read().decode(errors="replace").strip() or f"status {done.returncode}"


def _env() -> dict[str, str]:
    """Compiled modules are kept, as they are where it is installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
