"""Records what a Docker engine answers to the scenarios: ``python -m conformance.record unix:///path/docker.sock``.

Run it in the tests directory; it rewrites ``golden/docker-28.json``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from conformance.scenarios import IMAGE, SCENARIOS, clean, play
from support.host import busybox_archive

GOLDEN = Path(__file__).parent / "golden" / "docker-28.json"


def main(url: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        archive = busybox_archive(Path(scratch))
        subprocess.run(["docker", "-H", url, "import", archive, IMAGE], check=True, stdout=subprocess.DEVNULL)
    outcomes = {}
    for scenario in SCENARIOS:
        clean(url)
        outcomes[scenario.name] = play(scenario.steps, url)
    clean(url)
    subprocess.run(["docker", "-H", url, "rmi", IMAGE], check=True, stdout=subprocess.DEVNULL)
    GOLDEN.write_text(json.dumps(outcomes, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
