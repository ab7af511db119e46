"""/containers/{id}/stats and /corral/cgroups: parameters, and streams that are closed when the client goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from corral.api.server.routers.cgroups import CgroupRouter
from corral.api.server.routers.stats import StatsRouter
from corral.api.types.cgroups import Cgroups
from corral.api.types.stats import StatsResponse
from corral.errors import NotFound
from support.api_server import client_of


class FakeStats:
    def __init__(self) -> None:
        self.calls: list[tuple[str, bool]] = []
        self.closed = asyncio.Event()

    async def stats(self, ref: str, *, one_shot: bool) -> StatsResponse:
        self.calls.append((ref, one_shot))
        return StatsResponse(name=f"/{ref}")

    def stats_stream(self, ref: str) -> AsyncIterator[StatsResponse]:
        if ref != "web":
            raise NotFound(f"No such container: {ref}")
        return self._stream()

    async def _stream(self) -> AsyncIterator[StatsResponse]:
        try:
            for number in range(3):
                yield StatsResponse(name=f"/{number}")
        finally:
            self.closed.set()


class FakeView:
    async def cgroups(self, refs: Sequence[str]) -> Cgroups:
        return Cgroups(version="2", driver="cgroupfs", parent=",".join(refs))


async def test_a_stream_is_the_default_and_is_lines_of_json(tmp_path: Path) -> None:
    fake = FakeStats()
    async with client_of(StatsRouter(fake).routes(), tmp_path) as client:
        for target in ("/containers/web/stats", "/containers/web/stats?stream=1"):
            answer = await client.ask("GET", target)
            assert answer.status == 200
            assert [json.loads(line)["name"] for line in answer.body.splitlines()] == ["/0", "/1", "/2"]
    assert fake.closed.is_set()
    assert fake.calls == []


async def test_one_sample_after_a_second_or_at_once(tmp_path: Path) -> None:
    fake = FakeStats()
    async with client_of(StatsRouter(fake).routes(), tmp_path) as client:
        for target in ("stats?stream=false", "stats?stream=0&one-shot=1", "stats?stream=false&one-shot=false"):
            answer = await client.ask("GET", f"/containers/web/{target}")
            assert json.loads(answer.body)["name"] == "/web"
    assert fake.calls == [("web", False), ("web", True), ("web", False)]


async def test_a_stream_of_one_shot_is_refused_and_so_is_an_unknown_container(tmp_path: Path) -> None:
    async with client_of(StatsRouter(FakeStats()).routes(), tmp_path) as client:
        answer = await client.ask("GET", "/containers/nosuch/stats?one-shot=true")
        assert (answer.status, json.loads(answer.body)) == (
            400,
            {"message": "cannot have stream=true and one-shot=true"},
        )
        answer = await client.ask("GET", "/containers/nosuch/stats")
        assert (answer.status, json.loads(answer.body)) == (404, {"message": "No such container: nosuch"})


async def test_cgroups_of_those_that_are_named(tmp_path: Path) -> None:
    async with client_of(CgroupRouter(FakeView()).routes(), tmp_path) as client:
        for prefix in ("", "/v1.51"):
            answer = await client.ask("GET", f"{prefix}/corral/cgroups?container=a&container=b")
            assert json.loads(answer.body) == {
                "Version": "2", "Driver": "cgroupfs", "Parent": "a,b", "Hierarchies": [], "Containers": [],
            }  # fmt: skip
