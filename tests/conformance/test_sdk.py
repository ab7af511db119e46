"""docker-py gets the same results from corral as from Docker 28."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from conformance.record import GOLDEN_SDK
from conformance.scenarios import IMAGE
from conformance.sdk import PLAYS, Play
from support.host import TestHost

EXPECTED = json.loads(GOLDEN_SDK.read_text())


@pytest.fixture(scope="module")
def client(host: TestHost, busybox: Path) -> Iterator[docker.DockerClient]:
    host.docker("import", busybox, IMAGE)
    client = host.sdk()
    yield client
    client.close()


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)
def test_same_results_as_docker(client: docker.DockerClient, play: Play) -> None:
    assert json.loads(json.dumps(play(client))) == EXPECTED[play.__name__]
