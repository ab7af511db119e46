"""Records what a Docker engine answers to the scenarios: ``python -m conformance.record unix:///path/docker.sock``.

Run it in the tests directory; it rewrites what is in ``golden``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import docker

from conformance.scenarios import IMAGE, SCENARIOS, clean, play
from conformance.sdk import PLAYS
from support.host import busybox_archive

GOLDEN = Path(__file__).parent / "golden" / "docker-28.json"
GOLDEN_SDK = GOLDEN.with_name("docker-28-sdk.json")


def main(url: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        archive = busybox_archive(Path(scratch))
        subprocess.run(["docker", "-H", url, "import", archive, IMAGE], check=True, stdout=subprocess.DEVNULL)
    outcomes = {}
    for scenario in SCENARIOS:
        clean(url)
        outcomes[scenario.name] = play(scenario.steps, url)
    clean(url)
    client = docker.DockerClient(base_url=url, version="auto")
    GOLDEN_SDK.write_text(json.dumps({play.__name__: play(client) for play in PLAYS}, indent=1) + "\n")
    client.close()
    subprocess.run(["docker", "-H", url, "rmi", IMAGE], check=True, stdout=subprocess.DEVNULL)
    GOLDEN.write_text(json.dumps(outcomes, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
