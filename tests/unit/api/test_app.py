"""The API as clients see it: versions, errors, headers, and the container routes over a fake engine."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from corral.api.server.errors import error_response
from corral.api.server.routers.container_io import ContainerIORouter
from corral.api.server.routers.containers import ContainerRouter
from corral.api.server.routers.system import SystemRouter
from corral.api.types.container import AttachOptions, LogsOptions, WaitResponse
from corral.errors import (
    Conflict,
    Exhausted,
    Forbidden,
    Internal,
    Invalid,
    NotFound,
    Unauthorized,
    Unavailable,
    Unsupported,
)
from support.api_server import FakeContainers, client_of


def routes(containers: FakeContainers):
    return (
        *ContainerRouter(containers).routes(),
        *ContainerIORouter(containers).routes(),
        *SystemRouter(None).routes(),  # type: ignore[arg-type]
    )


@pytest.fixture
def containers():
    return FakeContainers()


@pytest.fixture
async def client(containers, tmp_path: Path):
    async with client_of(routes(containers), tmp_path) as one:
        yield one


async def test_ping_tells_what_the_docker_cli_wants_to_know(client):
    for method in ("HEAD", "GET"):
        answer = await client.ask(method, "/_ping")
        assert answer.status == 200
        assert answer.headers["api-version"] == "1.51"
        assert answer.headers["ostype"] == "linux"
        assert answer.headers["docker-experimental"] == "false"
        assert answer.headers["server"].startswith("corral/")
    assert answer.body == b"OK"


@pytest.mark.parametrize("prefix", ["", "/v1.24", "/v1.41", "/v1.51"])
async def test_every_version_that_we_speak_is_answered(client, prefix):
    assert (await client.ask("GET", prefix + "/_ping")).body == b"OK"


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("/v1.99", "client version 1.99 is too new. Maximum supported API version is 1.51"),
        ("/v2.0", "client version 2.0 is too new. Maximum supported API version is 1.51"),
        (
            "/v1.23",
            "client version 1.23 is too old. Minimum supported API version is 1.24, "
            "please upgrade your client to a newer version",
        ),
    ],
)
async def test_other_versions_are_refused_in_docker_s_words(client, prefix, message):
    answer = await client.ask("GET", prefix + "/_ping")
    assert (answer.status, answer.message) == (400, message)
    assert answer.headers["api-version"] == "1.51"


@pytest.mark.parametrize(
    "target", ["/nope", "/v1.51/nope", "/vabc/_ping", "/v1/_ping", "/", "/containers//json/x", "/v1.51", "/v1.51/"]
)
async def test_unknown_paths(client, target):
    answer = await client.ask("GET", target)
    assert (answer.status, answer.body) == (404, b'{"message":"page not found"}\n')


async def test_docker_endpoints_that_are_not_there_yet_say_so(client):
    answer = await client.ask("POST", "/v1.51/containers/web/checkpoints")
    assert (answer.status, answer.message) == (501, "corral does not support POST /containers/web/checkpoints yet")
    answer = await client.ask("GET", "/swarm")
    assert (answer.status, answer.message) == (501, "corral does not support GET /swarm yet")
    answer = await client.ask("PUT", "/containers/json")
    assert answer.status == 404


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (Invalid, 400),
        (Unauthorized, 401),
        (Forbidden, 403),
        (NotFound, 404),
        (Conflict, 409),
        (Exhausted, 500),
        (Internal, 500),
        (Unsupported, 501),
        (Unavailable, 503),
    ],
)
def test_each_kind_of_error_has_its_status(kind, status):
    response = error_response(kind("the reason"))
    assert response.status == status
    assert json.loads(response.body) == {"message": "the reason"}


async def test_a_fault_of_the_program_is_500_without_a_traceback(client, caplog):
    answer = await client.ask("POST", "/containers/web/pause")
    assert (answer.status, answer.message) == (500, "internal error: RuntimeError: a bug")
    assert "Traceback" in caplog.text
    assert (await client.ask("GET", "/_ping")).status == 200


async def test_create_passes_on_body_name_and_platform(client, containers):
    answer = await client.ask(
        "POST", "/v1.51/containers/create?name=db&platform=linux", {"Image": "busybox", "Cmd": ["sh"]}
    )
    assert (answer.status, answer.json()) == (201, {"Id": "1" * 64, "Warnings": []})
    assert answer.headers["content-type"] == "application/json"
    [(_, name, request, platform)] = containers.calls
    assert (name, request.image, request.cmd, platform) == ("db", "busybox", ["sh"], "linux")


async def test_conflicts_are_409(client):
    answer = await client.ask("POST", "/containers/create?name=web", {"Image": "busybox"})
    assert answer.status == 409


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b"{}", "text/plain", "unsupported Content-Type header (text/plain): must be 'application/json'"),
        (b"", "application/json", "invalid JSON: got EOF while reading request body"),
        (b"", "", "invalid JSON: got EOF while reading request body"),
        (b"{}", "application/json", "config cannot be empty"),
        (b'{"HostConfig":{"Privileged":true}}', "application/json", "config cannot be empty"),
        (b'{"Image":3}', "application/json", "invalid JSON: Expected `str`, got `int` - at `$.Image`"),
        (b'{"Image":"x","Env":[1]}', "application/json", "invalid JSON: Expected `str`, got `int` - at `$.Env[0]`"),
        (b'{"Image":"x"} {}', "application/json", "invalid JSON: JSON is malformed: trailing characters"),
        (b'{"Image":"\xff"}', "application/json", "invalid JSON: "),
        (b'{"x":' + b"[" * 100_000, "application/json", "invalid JSON: "),
    ],
)  # fmt: skip
async def test_bad_bodies_are_400_and_name_the_field(client, body, kind, message):
    headers = f"Host: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    client.send(b"POST /containers/create HTTP/1.1\r\n" + headers.encode() + body)
    answer = await client.answer()
    assert answer.status == 400
    assert answer.message.startswith(message)


async def test_a_body_that_is_too_large_is_413(client):
    headers = b"Host: x\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n"
    client.send(b"POST /containers/create HTTP/1.1\r\n" + headers)
    assert (await client.answer()).status == 413


async def test_start_twice_is_304(client):
    assert (await client.ask("POST", "/containers/web/start")).status == 204
    answer = await client.ask("POST", "/containers/web/start")
    assert (answer.status, answer.body) == (304, b"")
    answer = await client.ask("POST", "/containers/web/start", {"Binds": []})
    assert answer.status == 400


async def test_verbs_pass_their_parameters_on(client, containers):
    for method, target in (
        ("POST", "/containers/web/stop?t=3&signal=INT"),
        ("POST", "/containers/web/stop"),
        ("POST", "/containers/web/restart?t=0"),
        ("POST", "/containers/web/kill"),
        ("POST", "/containers/web/kill?signal=HUP"),
        ("POST", "/containers/web/rename?name=new"),
        ("DELETE", "/containers/web?force=1&v=1"),
    ):
        assert (await client.ask(method, target)).status == 204
    assert containers.calls == [
        ("stop", "web", 3, "INT"),
        ("stop", "web", None, None),
        ("restart", "web", 0, None),
        ("kill", "web", "SIGKILL"),
        ("kill", "web", "HUP"),
        ("rename", "web", "new"),
        ("remove", "web", True, True, False),
    ]


async def test_a_limit_lists_stopped_containers_too(client, containers):
    await client.ask("GET", '/containers/json?limit=2&size=1&filters={"name":["w"]}'.replace('"', "%22"))
    assert containers.calls == [("list", True, 2, True, {"name": ["w"]})]


async def test_wait_sends_its_head_before_the_container_ends(client, containers):
    client.send(b"POST /v1.50/containers/web/wait?condition=removed HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    status, headers = await client.head()
    assert (status, headers["content-type"], headers["transfer-encoding"]) == (200, "application/json", "chunked")
    containers.exited.set_result(WaitResponse(status_code=137))
    assert await client.chunk() == b'{"StatusCode":137}\n'


async def test_wait_refuses_before_it_waits(client):
    answer = await client.ask("POST", "/containers/nope/wait")
    assert (answer.status, answer.message) == (404, "No such container: nope")
    answer = await client.ask("POST", "/containers/web/wait?condition=foo")
    assert (answer.status, answer.message) == (400, 'invalid condition: "foo"')


async def test_a_wait_that_fails_says_so_in_its_body(client, containers):
    client.send(b"POST /containers/web/wait HTTP/1.1\r\nHost: x\r\n\r\n")
    await client.head()
    containers.exited.set_exception(Internal("lost it"))
    assert json.loads(await client.chunk()) == {"StatusCode": -1, "Error": {"Message": "lost it"}}


async def test_logs_are_multiplexed_frames(client, containers):
    answer = await client.ask("GET", "/containers/web/logs?stdout=1&stderr=1&tail=5&since=1.5")
    assert answer.body == b"\x01\0\0\0\0\0\0\x04out\n\x02\0\0\0\0\0\0\x04err\n"
    assert answer.headers["content-type"] == "application/vnd.docker.multiplexed-stream"
    assert containers.calls == [("logs", LogsOptions(stdout=True, stderr=True, tail=5, since=1_500_000_000))]


async def test_logs_of_a_terminal_are_raw(client, containers):
    containers.tty = True
    answer = await client.ask("GET", "/containers/web/logs?stdout=1")
    assert answer.body == b"out\nerr\n"
    assert answer.headers["content-type"] == "application/vnd.docker.raw-stream"


async def test_before_1_42_every_stream_is_called_raw(client):
    answer = await client.ask("GET", "/v1.41/containers/web/logs?stdout=1")
    assert answer.headers["content-type"] == "application/vnd.docker.raw-stream"


async def test_logs_want_a_stream(client):
    answer = await client.ask("GET", "/containers/web/logs")
    assert (answer.status, answer.message) == (400, "Bad parameters: you must choose at least one stream")


async def test_following_logs_ends_with_the_client(client, containers):
    client.send(b"GET /containers/web/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    await client.head()
    await client.chunk()
    client.close()
    deadline = asyncio.get_running_loop().time() + 5
    while not containers.cancelled:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    ("tty", "content_type"),
    [(False, "application/vnd.docker.multiplexed-stream"), (True, "application/vnd.docker.raw-stream")],
)
async def test_attach_upgrades_the_connection(client, containers, tty, content_type):
    containers.tty = tty
    client.send(
        b"POST /v1.50/containers/web/attach?stderr=1&stdin=1&stdout=1&stream=1&detachKeys=ctrl-a HTTP/1.1\r\n"
        b"Host: x\r\nContent-Length: 0\r\nConnection: Upgrade\r\nContent-Type: text/plain\r\nUpgrade: tcp\r\n\r\ntyped"
    )
    status, headers = await client.head()
    assert (status, headers) == (101, {"content-type": content_type, "connection": "upgrade", "upgrade": "tcp"})
    fd, early = containers.attached
    assert early == b"typed"
    os.write(fd, b"hello")
    os.close(fd)
    assert await client.reader.read() == b"hello"
    [(_, options)] = containers.calls
    assert options == AttachOptions(stream=True, stdin=True, stdout=True, stderr=True, detach_keys="ctrl-a")


async def test_attach_without_upgrade_answers_200(client, containers):
    client.send(b"POST /v1.24/containers/web/attach?stdout=1&stream=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert await client.head() == (200, {"content-type": "application/vnd.docker.raw-stream"})
    os.close(containers.attached[0])
    assert await client.closed()


async def test_attach_to_nothing_is_a_plain_error(client):
    answer = await client.ask(
        "POST", "/containers/nope/attach?stream=1", headers="Connection: Upgrade\r\nUpgrade: tcp\r\n"
    )
    assert (answer.status, answer.message) == (404, "No such container: nope")


async def test_resize_wants_numbers(client, containers):
    assert (await client.ask("POST", "/containers/web/resize?h=24&w=80")).status == 200
    assert containers.calls == [("resize", "web", 24, 80)]
    answer = await client.ask("POST", "/containers/web/resize?h=foo&w=1")
    assert (answer.status, answer.message) == (400, 'invalid resize height "foo": invalid syntax')
