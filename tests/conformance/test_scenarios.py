"""The docker command line client gets the same answers from corral as from Docker 28."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from conformance.differences import DIFFERENCES
from conformance.record import GOLDEN
from conformance.scenarios import IMAGE, SCENARIOS, Outcome, Scenario, clean, normalise, play
from support.host import TestHost
from support.needs import PEER_DOCKER

EXPECTED: dict[str, list[Outcome]] = json.loads(GOLDEN.read_text())


def _differing(expected: list[Outcome], got: list[Outcome]) -> dict[str, str]:
    """Command -> what differs, one line for each field."""
    report = {}
    for wanted, given in zip(expected, got, strict=True):
        lines = [
            f"  {key}: expected {wanted[key]!r}\n  {' ' * len(key)}       got {given.get(key)!r}"
            for key in wanted
            if not _same(key, wanted[key], given.get(key))
        ]
        if lines:
            report[str(wanted["command"])] = "\n".join(lines)
    return report


def _same(key: str, wanted: object, given: object) -> bool:
    return _covers(wanted, given) if key == "shape" else wanted == given


def _covers(wanted: object, given: object) -> bool:
    """Every field that Docker sends is there with its type; an empty list or a null matches any list or map."""
    if isinstance(wanted, dict):
        return given == "null" or (
            isinstance(given, dict) and all(key in given and _covers(wanted[key], given[key]) for key in wanted)
        )
    if isinstance(wanted, list):
        return given == "null" or (
            isinstance(given, list) and (not wanted or not given or _covers(wanted[0], given[0]))
        )
    return wanted == given or "null" in (wanted, given)


@pytest.fixture(scope="module")
def engine(host: TestHost, busybox: Path) -> TestHost:
    host.docker("import", busybox, IMAGE)
    return host


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "-"))
def test_same_answers_as_docker(engine: TestHost, scenario: Scenario) -> None:
    clean(engine.url)
    differing = _differing(EXPECTED[scenario.name], play(scenario.steps, engine.url))
    clean(engine.url)
    on_purpose = {command for name, command in DIFFERENCES if name == scenario.name}
    surprising = {command: lines for command, lines in differing.items() if command not in on_purpose}
    assert not surprising, "\n".join(f"{command}\n{lines}" for command, lines in surprising.items())
    assert on_purpose <= differing.keys(), f"listed as different and is not: {on_purpose - differing.keys()}"


@pytest.mark.requires("docker-peer")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "-"))
def test_recorded_answers_are_dockers(scenario: Scenario, busybox: Path) -> None:
    """Guards the recording: a Docker engine that runs here still answers what was recorded."""
    subprocess.run(["docker", "-H", PEER_DOCKER, "import", busybox, IMAGE], check=True, capture_output=True)
    clean(PEER_DOCKER)
    differing = _differing(EXPECTED[scenario.name], play(scenario.steps, PEER_DOCKER))
    clean(PEER_DOCKER)
    assert not differing, "\n".join(f"{command}\n{lines}" for command, lines in differing.items())


def test_normalising_keeps_what_matters() -> None:
    assert normalise(f"{'a' * 64} 0123456789ab abc 2026-01-02T03:04:05.678Z") == "<id> <id> abc <time>"
