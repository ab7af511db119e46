"""The routes of execs, images, networks, volumes, events and the system over small fakes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from corral.api.server.routers.events import EventRouter
from corral.api.server.routers.exec import ExecRouter
from corral.api.server.routers.images import ImageRouter
from corral.api.server.routers.networks import NetworkRouter
from corral.api.server.routers.plugins import PluginRouter
from corral.api.server.routers.system import SystemRouter
from corral.api.server.routers.volumes import VolumeRouter
from corral.api.types.event import Event
from corral.api.types.exec import ExecCreateRequest, ExecInspect, ExecStartRequest
from corral.api.types.image import (
    Descriptor,
    ImageDeleteItem,
    ImageHistoryItem,
    ImageInspect,
    ImagesPruneReport,
    ImageSummary,
    ManifestSummary,
)
from corral.api.types.network import NetworkContainer, NetworkInspect, NetworksPruneReport
from corral.api.types.progress import Progress
from corral.api.types.system import DiskUsage, SystemInfo, Version
from corral.api.types.volume import Volume, VolumeListResponse, VolumesPruneReport
from corral.api.types.wire import UNSET
from corral.errors import Conflict, Exhausted, Invalid, NotFound
from corral.oci.platform import Platform
from support.api_server import client_of


class Calls:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []


class FakeExecs(Calls):
    async def exec_create(self, ref: str, request: ExecCreateRequest) -> str:
        self.calls.append((ref, request))
        return "e" * 64

    async def exec_start(self, exec_id: str, request: ExecStartRequest, upgrade: Any) -> None:
        self.calls.append((exec_id, request))
        if exec_id == "paused":
            raise Conflict("Container web is paused, unpause the container before exec")
        if upgrade is not None:
            fd, _ = await upgrade(not request.tty)
            os.write(fd, b"output")
            os.close(fd)

    async def exec_inspect(self, exec_id: str) -> ExecInspect:
        return ExecInspect(id=exec_id, exit_code=3)

    async def exec_resize(self, exec_id: str, height: int, width: int) -> None:
        self.calls.append((exec_id, height, width))


async def _all(source: AsyncIterator[bytes]) -> bytes:
    return b"".join([part async for part in source])


class FakeImages(Calls):
    def list(self, filters: Any, all: bool, shared_size: bool, manifests: bool) -> list[ImageSummary]:
        self.calls.append((filters, all, shared_size))
        shown = [ManifestSummary(id="sha256:3")] if manifests else UNSET
        return [ImageSummary(id="sha256:1", size=7, containers=2, descriptor=Descriptor(), manifests=shown)]

    def inspect(self, ref: str, platform: Platform | None, manifests: bool) -> ImageInspect:
        self.calls.append((ref, *([str(platform)] if platform else []), *(["manifests"] if manifests else [])))
        return ImageInspect(id="sha256:1", size=7, descriptor=Descriptor())

    def history(self, ref: str, platform: Platform | None) -> list[ImageHistoryItem]:
        return [ImageHistoryItem(id=ref)]

    async def prune(self, filters: Any) -> ImagesPruneReport:
        self.calls.append(filters)
        return ImagesPruneReport()

    async def tag(self, ref: str, repo: str, tag: str) -> None:
        self.calls.append((ref, repo, tag))

    async def remove(self, ref: str, force: bool, noprune: bool, platforms: list[Platform]) -> list[ImageDeleteItem]:
        self.calls.append((ref, force, noprune, *map(str, platforms)))
        return [ImageDeleteItem(untagged=ref), ImageDeleteItem(deleted="sha256:1")]

    async def import_(self, source, repo, tag, changes, message, platform) -> str:
        body = await _all(source)
        if body == b"bad":
            raise Invalid("this is no tar archive")
        self.calls.append((body, repo, tag, changes, message, platform))
        return "sha256:2"

    async def load(self, source, quiet, platform) -> AsyncIterator[Progress]:
        if await _all(source) == b"bad":
            raise Invalid("this is no image archive")
        yield Progress(stream="Loaded image: a:b\n")
        raise Exhausted("no space left on device")

    async def fetch(self, url: str) -> AsyncIterator[bytes]:
        yield url.encode()

    async def save(self, refs: list[str], platform: Platform | None) -> AsyncIterator[bytes]:
        self.calls.append(tuple(refs))
        if "nope" in refs:
            raise NotFound("No such image: nope")
        yield b"tar"
        yield b"ball"

    async def bootstrap(self, name: str) -> AsyncIterator[Progress]:
        yield Progress(status=f"making {name}")


class FakeNetworks:
    def networks(self) -> list[NetworkInspect]:
        used = {"c": NetworkContainer(name="web")}
        return [
            NetworkInspect(name="bridge", id="1" * 64, driver="bridge"),
            NetworkInspect(name="none", id="2" * 64, driver="null"),
            NetworkInspect(name="mine", id="3" * 64, driver="bridge", labels={"a": "b"}, containers=used),
        ]

    def prune_networks(self, filters: Any) -> NetworksPruneReport:
        return NetworksPruneReport()

    def inspect_network(self, ref: str) -> NetworkInspect:
        raise NotFound(f"network {ref} not found")


class FakeVolumes(Calls):
    async def create(self, name, driver, options, labels) -> Volume:
        self.calls.append((name, driver, options, labels))
        return Volume(name=name)

    def list(self, filters: Any) -> VolumeListResponse:
        return VolumeListResponse(volumes=[Volume(name="v")])

    def inspect(self, name: str) -> Volume:
        raise NotFound(f"get {name}: no such volume")

    async def remove(self, name: str, *, force: bool) -> None:
        self.calls.append((name, force))

    async def prune(self, filters: Any) -> VolumesPruneReport:
        self.calls.append((filters,))
        return VolumesPruneReport(volumes_deleted=["v"], space_reclaimed=7)


class FakeEvents(Calls):
    async def stream(self, since: int, until: int, filters: Any) -> AsyncIterator[Event]:
        self.calls.append((since, until, filters))
        yield Event(type="container", action="start")
        if not until:
            await asyncio.Event().wait()


class FakeSystem(Calls):
    async def version(self) -> Version:
        return Version(version="1.2.3")

    async def info(self) -> SystemInfo:
        return SystemInfo(name="host")

    async def disk_usage(self, kinds: frozenset[str]) -> DiskUsage:
        self.calls.append((sorted(kinds),))
        return DiskUsage()


def client(router: Any, tmp_path: Any) -> contextlib.AbstractAsyncContextManager[Any]:
    return client_of(router.routes(), tmp_path)


# --- exec


async def test_exec_create_answers_with_the_id(tmp_path):
    execs = FakeExecs()
    async with client(ExecRouter(execs), tmp_path) as api:
        answer = await api.ask("POST", "/containers/web/exec", {"Cmd": ["sh"], "Tty": True, "ConsoleSize": [24, 80]})
        assert (answer.status, answer.json()) == (201, {"Id": "e" * 64})
        assert execs.calls == [("web", ExecCreateRequest(cmd=["sh"], tty=True, console_size=(24, 80)))]
        answer = await api.ask("POST", "/containers/web/exec", {"Cmd": []})
        assert (answer.status, answer.message) == (400, "no exec command specified")


async def test_before_1_42_execs_had_no_console_size(tmp_path):
    execs = FakeExecs()
    async with client(ExecRouter(execs), tmp_path) as api:
        await api.ask("POST", "/v1.41/containers/web/exec", {"Cmd": ["sh"], "ConsoleSize": [24, 80]})
        assert execs.calls == [("web", ExecCreateRequest(cmd=["sh"]))]


async def test_exec_start_upgrades(tmp_path):
    async with client(ExecRouter(FakeExecs()), tmp_path) as api:
        body = b'{"Detach":false,"Tty":false}'
        api.send(
            b"POST /exec/x/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        assert (await api.head())[0] == 101
        assert await api.reader.read() == b"output"


async def test_a_detached_exec_start_is_a_plain_answer(tmp_path):
    async with client(ExecRouter(FakeExecs()), tmp_path) as api:
        answer = await api.ask("POST", "/exec/x/start", {"Detach": True})
        assert (answer.status, answer.body) == (200, b"")


async def test_an_exec_that_cannot_start_is_refused_before_the_upgrade(tmp_path):
    async with client(ExecRouter(FakeExecs()), tmp_path) as api:
        answer = await api.ask("POST", "/exec/paused/start", headers="Connection: Upgrade\r\nUpgrade: tcp\r\n")
        assert answer.status == 409


async def test_exec_inspect_and_resize(tmp_path):
    execs = FakeExecs()
    async with client(ExecRouter(execs), tmp_path) as api:
        assert (await api.ask("GET", "/exec/x/json")).json()["ExitCode"] == 3
        assert (await api.ask("POST", "/exec/x/resize?h=1&w=2")).status == 200
        assert execs.calls == [("x", 1, 2)]


# --- images


async def test_images_as_each_version_shows_them(tmp_path):
    images = FakeImages()
    async with client(ImageRouter(images), tmp_path) as api:
        [newest] = (await api.ask("GET", "/v1.51/images/json?all=1&shared-size=1")).json()
        assert (newest["Containers"], newest["RepoTags"], "VirtualSize" in newest) == (2, [], False)
        [middle] = (await api.ask("GET", "/v1.43/images/json")).json()
        assert (middle["Containers"], middle["VirtualSize"], middle["RepoTags"]) == (-1, 7, [])
        [oldest] = (await api.ask("GET", "/v1.24/images/json?filter=busybox")).json()
        assert (oldest["RepoTags"], oldest["RepoDigests"]) == (["<none>:<none>"], ["<none>@<none>"])
        assert images.calls == [({}, True, True), ({}, False, False), ({"reference": ["busybox"]}, False, False)]
        assert (await api.ask("GET", "/v1.43/images/x/json")).json()["VirtualSize"] == 7
        assert "VirtualSize" not in (await api.ask("GET", "/v1.44/images/x/json")).json()


async def test_images_tell_manifests_to_those_who_know_them(tmp_path):
    images = FakeImages()
    async with client(ImageRouter(images), tmp_path) as api:
        for version, wanted in (("1.51", {"Descriptor", "Manifests"}), ("1.47", {"Manifests"}), ("1.46", set())):
            [image] = (await api.ask("GET", f"/v{version}/images/json?manifests=1")).json()
            assert {"Descriptor", "Manifests"} & set(image) == wanted
        assert "Descriptor" not in (await api.ask("GET", "/v1.47/images/x/json")).json()
        assert "Manifests" not in (await api.ask("GET", "/v1.51/images/json")).json()[0]


async def test_a_platform_selects_an_image(tmp_path):
    images = FakeImages()
    async with client(ImageRouter(images), tmp_path) as api:
        arm = quote('{"os":"linux","architecture":"arm64"}')
        assert (await api.ask("GET", f"/images/x/json?platform={arm}")).status == 200
        assert (await api.ask("GET", f"/v1.48/images/x/json?platform={arm}")).status == 200
        assert (await api.ask("DELETE", f"/images/x?platforms={arm}")).status == 200
        assert images.calls == [("x", "linux/arm64"), ("x",), ("x", False, False, "linux/arm64")]
        for bad, message in (
            (f"platform={arm}&manifests=1", "conflicting options: manifests and platform options cannot both be set"),
            ("platform=x", "failed to parse platform: "),
            ("platform=" + quote('{"os":"linux"}'), "both OS and Architecture must be provided"),
        ):
            answer = await api.ask("GET", f"/images/x/json?{bad}")
            assert (answer.status, answer.message.startswith(message)) == (400, True)


async def test_image_names_may_have_slashes_and_colons(tmp_path):
    images = FakeImages()
    name = "localhost:5000/a/b:tag"
    async with client(ImageRouter(images), tmp_path) as api:
        assert (await api.ask("GET", f"/images/{name}/json")).status == 200
        assert (await api.ask("GET", f"/images/{name}/history")).json()[0]["Id"] == name
        assert (await api.ask("POST", f"/images/{name}/tag?repo=x&tag=y")).status == 201
        answer = await api.ask("DELETE", f"/images/{name}?force=1")
        assert answer.json() == [{"Untagged": name}, {"Deleted": "sha256:1"}]
        assert images.calls == [(name,), (name, "x", "y"), (name, True, False)]


async def test_import_streams_the_archive_in(tmp_path):
    images = FakeImages()
    async with client(ImageRouter(images), tmp_path) as api:
        target = "/images/create?fromSrc=-&repo=a&tag=b&changes=CMD+x&changes=ENV+a=b"
        api.send(
            f"POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntar\r\n0\r\n\r\n".encode()
        )
        answer = await api.answer()
        assert (answer.status, answer.json()) == (200, {"status": "sha256:2"})
        assert images.calls == [(b"tar", "a", "b", ["CMD x", "ENV a=b"], "Imported from -", "")]


async def test_an_import_that_fails_has_a_status(tmp_path):
    async with client(ImageRouter(FakeImages()), tmp_path) as api:
        api.send(b"POST /images/create?fromSrc=- HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nbad")
        answer = await api.answer()
        assert (answer.status, answer.message) == (400, "this is no tar archive")
        answer = await api.ask("POST", "/images/create")
        assert answer.status == 400


async def test_import_from_a_url(tmp_path):
    images = FakeImages()
    async with client(ImageRouter(images), tmp_path) as api:
        answer = await api.ask("POST", "/images/create?fromSrc=http://x/y.tar&message=why")
        assert answer.json() == {"status": "sha256:2"}
        assert images.calls == [(b"http://x/y.tar", "", "", [], "why", "")]


async def test_pull_names_the_command_that_makes_an_image(tmp_path):
    async with client(ImageRouter(FakeImages()), tmp_path) as api:
        answer = await api.ask("POST", "/images/create?fromImage=nginx&tag=latest")
        assert answer.status == 501
        assert "corral image bootstrap" in answer.message


async def test_load_reports_progress_and_what_went_wrong_later(tmp_path):
    async with client(ImageRouter(FakeImages()), tmp_path) as api:
        api.send(b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ngood")
        answer = await api.answer()
        assert answer.status == 200
        assert [json.loads(line) for line in answer.body.splitlines()] == [
            {"stream": "Loaded image: a:b\n"},
            {"errorDetail": {"message": "no space left on device"}, "error": "no space left on device"},
        ]
        api.send(b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nbad")
        assert (await api.answer()).status == 400


async def test_save_streams_the_archive_out(tmp_path):
    images = FakeImages()
    async with client(ImageRouter(images), tmp_path) as api:
        answer = await api.ask("GET", "/images/get?names=a:b&names=c,d")
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"tarball", "application/x-tar")
        assert (await api.ask("GET", "/images/x/y:z/get")).body == b"tarball"
        answer = await api.ask("GET", "/images/nope/get")
        assert (answer.status, answer.message) == (404, "No such image: nope")
        assert images.calls == [("a:b", "c", "d"), ("x/y:z",), ("nope",)]


async def test_bootstrap_is_an_endpoint_of_our_own(tmp_path):
    async with client(ImageRouter(FakeImages()), tmp_path) as api:
        answer = await api.ask("POST", "/v1.51/corral/images/bootstrap?name=busybox")
        assert answer.json() == {"status": "making busybox"}
        assert (await api.ask("POST", "/corral/images/bootstrap")).status == 400


# --- networks


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["bridge", "none", "mine"]),
        ({"name": ["in"]}, ["mine"]),
        ({"name": ["^b", "^m"]}, ["bridge", "mine"]),
        ({"id": ["22"]}, ["none"]),
        ({"driver": ["bridge"]}, ["bridge", "mine"]),
        ({"type": ["custom"]}, ["mine"]),
        ({"type": ["builtin"]}, ["bridge", "none"]),
        ({"label": ["a"]}, ["mine"]),
        ({"label": ["a=b", "a=c"]}, []),
        ({"scope": ["swarm"]}, []),
        ({"dangling": ["true"]}, []),
        ({"name": ["("]}, []),
    ],
)
async def test_networks_by_filters(tmp_path, filters, names):
    async with client(NetworkRouter(FakeNetworks()), tmp_path) as api:
        answer = await api.ask("GET", "/networks?filters=" + json.dumps(filters).replace(" ", "").replace("^", "%5E"))
        assert [network["Name"] for network in answer.json()] == names


@pytest.mark.parametrize("filters", ['{"foo":["x"]}', '{"type":["x"]}', '{"dangling":["x"]}'])
async def test_network_filters_that_are_none(tmp_path, filters):
    async with client(NetworkRouter(FakeNetworks()), tmp_path) as api:
        answer = await api.ask("GET", "/networks?filters=" + filters)
        assert (answer.status, answer.message.startswith("invalid filter")) == (400, True)


async def test_a_network_that_is_not_there(tmp_path):
    async with client(NetworkRouter(FakeNetworks()), tmp_path) as api:
        assert (await api.ask("GET", "/networks/x")).message == "network x not found"


# --- volumes


async def test_volumes(tmp_path):
    volumes = FakeVolumes()
    async with client(VolumeRouter(volumes), tmp_path) as api:
        answer = await api.ask("POST", "/volumes/create", {"Name": "v", "DriverOpts": {"a": "b"}, "Labels": {"c": "d"}})
        assert (answer.status, answer.json()["Name"]) == (201, "v")
        assert (await api.ask("POST", "/volumes/create")).status == 201
        assert (await api.ask("GET", "/volumes")).json()["Volumes"][0]["Name"] == "v"
        assert (await api.ask("GET", "/volumes/x")).status == 404
        assert (await api.ask("DELETE", "/volumes/v?force=1")).status == 204
        assert (await api.ask("POST", "/v1.42/volumes/prune")).json()["SpaceReclaimed"] == 7
        await api.ask("POST", "/v1.41/volumes/prune")
        assert volumes.calls == [
            ("v", "", {"a": "b"}, {"c": "d"}),
            ("", "", None, None),
            ("v", True),
            ({},),
            ({"all": ["true"]},),
        ]


# --- events, system, plugins


async def test_events_are_json_lines_from_since_to_until(tmp_path):
    events = FakeEvents()
    async with client(EventRouter(events), tmp_path) as api:
        answer = await api.ask("GET", '/events?since=1&until=2.5&filters={"type":["container"]}')
        assert json.loads(answer.body)["Action"] == "start"
        assert events.calls == [(1_000_000_000, 2_500_000_000, {"type": ["container"]})]
        assert (await api.ask("GET", "/events?since=2&until=1")).status == 400


async def test_events_without_end_begin_at_once(tmp_path):
    async with client(EventRouter(FakeEvents()), tmp_path) as api:
        api.send(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await api.head())[0] == 200
        assert json.loads(await api.chunk())["Type"] == "container"


async def test_the_system(tmp_path):
    system = FakeSystem()
    async with client(SystemRouter(system), tmp_path) as api:
        assert (await api.ask("GET", "/version")).json()["Version"] == "1.2.3"
        assert (await api.ask("GET", "/info")).json()["Name"] == "host"
        await api.ask("GET", "/system/df?type=image&type=volume")
        await api.ask("GET", "/v1.41/system/df?type=image")
        assert (await api.ask("GET", "/system/df?type=x")).message == "unknown object type: x"
        assert system.calls == [(["image", "volume"],), (["build-cache", "container", "image", "volume"],)]


async def test_there_are_no_plugins(tmp_path):
    async with client(PluginRouter(), tmp_path) as api:
        assert (await api.ask("GET", "/plugins")).json() == []
        assert (await api.ask("GET", "/plugins/a/b:c/json")).message == 'plugin "a/b:c" not found'
