"""What docker-py is asked to do: functions of a client that return what a program would see, as JSON can hold it.

Each removes what it makes. ``golden/docker-28-sdk.json`` holds what Docker 28 returned.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import docker
from docker.models.containers import Container

from conformance.scenarios import IMAGE, normalise

Play = Callable[[docker.DockerClient], Any]


@contextmanager
def _container(client: docker.DockerClient, *command: str, **options: Any) -> Iterator[Container]:
    container = client.containers.run(IMAGE, list(command), detach=True, **options)
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def _failure(action: Callable[[], Any]) -> dict[str, Any]:
    try:
        action()
    except docker.errors.APIError as error:
        return {
            "type": type(error).__name__,
            "status": error.response.status_code,
            "explanation": normalise(error.explanation or ""),
        }
    return {"type": "no error"}


def run_returns_output(client: docker.DockerClient) -> Any:
    return client.containers.run(IMAGE, ["echo", "hello"], remove=True).decode()


def run_raises_on_failure(client: docker.DockerClient) -> Any:
    try:
        client.containers.run(IMAGE, ["sh", "-c", "echo bad >&2; exit 3"], remove=True)
    except docker.errors.ContainerError as error:
        return {"status": error.exit_status, "stderr": error.stderr.decode()}
    return "no error"


def missing_objects(client: docker.DockerClient) -> Any:
    return [
        _failure(lambda: client.containers.get("nothing-there")),
        _failure(lambda: client.images.get("nothing-there")),
        _failure(lambda: client.api.exec_inspect("nothing-there")),
        _failure(lambda: client.networks.get("nothing-there")),
        _failure(lambda: client.volumes.get("nothing-there")),
    ]


def wait_and_logs(client: docker.DockerClient) -> Any:
    with _container(client, "sh", "-c", "echo out; echo err >&2; exit 4") as container:
        return {
            "wait": container.wait(),
            "stdout": container.logs(stderr=False).decode(),
            "stderr": container.logs(stdout=False).decode(),
            "stream": [line.decode() for line in container.logs(stream=True, follow=True, stderr=False)],
        }


def exec_demultiplexed(client: docker.DockerClient) -> Any:
    with _container(client, "sleep", "100") as container:
        code, (out, err) = container.exec_run(["sh", "-c", "echo out; echo err >&2; exit 5"], demux=True)
        streamed = container.exec_run(["seq", "3"], stream=True)
        return [code, out.decode(), err.decode(), b"".join(streamed.output).decode()]


def exec_inspected(client: docker.DockerClient) -> Any:
    with _container(client, "sleep", "100") as container:
        made = client.api.exec_create(container.id, ["sh", "-c", "exit 6"], user="1000", environment={"A": "b"})
        before = client.api.exec_inspect(made["Id"])
        client.api.exec_start(made["Id"])
        after = client.api.exec_inspect(made["Id"])
        return [before["Running"], before["ExitCode"], after["Running"], after["ExitCode"], after["ProcessConfig"]]


def attach_socket(client: docker.DockerClient) -> Any:
    container = client.api.create_container(IMAGE, ["cat"], stdin_open=True, tty=False)
    try:
        stream = client.api.attach_socket(container["Id"], params={"stdin": 1, "stdout": 1, "stream": 1})
        client.api.start(container["Id"])
        stream._sock.sendall(b"through the socket\n")
        stream._sock.shutdown(1)
        data = b""
        while chunk := stream._sock.recv(4096):
            data += chunk
        return [data.hex(), client.api.wait(container["Id"])]
    finally:
        client.api.remove_container(container["Id"], force=True)


def states(client: docker.DockerClient) -> Any:
    seen = []
    with _container(client, "sleep", "100") as container:
        for action in (container.pause, container.unpause, lambda: container.stop(timeout=0), container.start):
            action()
            container.reload()
            seen.append([container.status, container.attrs["State"]["ExitCode"]])
        container.rename("cs-sdk-renamed")
        container.reload()
        return [*seen, container.name, container.top()["Titles"]]


def published_ports_are_final_when_start_returns(client: docker.DockerClient) -> Any:
    with _container(client, "sleep", "100", ports={"80/tcp": None, "90/tcp": ("127.0.0.1", None)}) as container:
        container.reload()
        return {
            port: sorted(binding["HostIp"] for binding in bindings if ":" not in binding["HostIp"])
            for port, bindings in container.ports.items()
        }


def limits(client: docker.DockerClient) -> Any:
    files = {"Name": "nofile", "Soft": 64, "Hard": 64}
    options: dict[str, Any] = {"mem_limit": "64m", "cpu_shares": 256, "pids_limit": 40, "ulimits": [files]}
    with _container(client, "sleep", "100", **options) as container:
        settings = container.attrs["HostConfig"]
        return [settings[key] for key in ("Memory", "CpuShares", "PidsLimit", "Ulimits", "NanoCpus", "MemorySwap")]


def listing(client: docker.DockerClient) -> Any:
    with _container(client, "sleep", "100", labels={"cs": "sdk"}, name="cs-sdk") as container:
        found = client.containers.list(filters={"label": "cs=sdk"})
        none = client.containers.list(filters={"label": "cs=other"})
        return [[c.name for c in found], [c.id == container.id for c in found], none]


def events(client: docker.DockerClient) -> Any:
    stream = client.events(decode=True, filters={"type": "container", "container": "cs-sdk-events"})
    with _container(client, "true", name="cs-sdk-events") as container:
        container.wait()
    seen = []
    for event in stream:
        seen.append(event["Action"])
        if event["Action"] == "destroy":
            break
    stream.close()
    return seen


def import_and_remove_image(client: docker.DockerClient) -> Any:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("hello")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"world"))
    client.api.import_image_from_data(archive.getvalue(), repository="cs-sdk-image", tag="v1", changes=["CMD /hello"])
    image = client.images.get("cs-sdk-image:v1")
    tags = image.tags
    saved = b"".join(image.save())
    client.images.remove("cs-sdk-image:v1")
    loaded = client.images.load(saved)
    with tarfile.open(fileobj=io.BytesIO(saved)) as tar:
        names = tar.getnames()
    client.images.remove(loaded[0].id, force=True)
    return [
        tags,
        image.attrs["Config"]["Cmd"],
        loaded[0].id == image.id,
        "manifest.json" in names,
        "oci-layout" in names,
    ]


def volumes(client: docker.DockerClient) -> Any:
    volume = client.volumes.create("cs-sdk-volume", labels={"a": "b"})
    with _container(client, "sh", "-c", "echo x > /v/f", volumes={"cs-sdk-volume": {"bind": "/v"}}) as container:
        container.wait()
        in_use = _failure(volume.remove)
        mounts = [[m["Type"], m["Name"], m["Destination"], m["RW"]] for m in container.attrs["Mounts"]]
    volume.remove()
    return [volume.attrs["Labels"], volume.attrs["Driver"], mounts, in_use]


def conflicts(client: docker.DockerClient) -> Any:
    with _container(client, "sleep", "100", name="cs-sdk-taken") as container:
        return [
            _failure(lambda: client.containers.create(IMAGE, "true", name="cs-sdk-taken")),
            _failure(container.remove),
            _failure(container.unpause),
            _failure(lambda: client.images.remove(IMAGE)),
        ]


def stats(client: docker.DockerClient) -> Any:
    """What there is to read; control groups of version 1 have more of it, depending on what a container has joined."""
    optional = {"pressure_stats", "percpu_usage", "events", "failcnt"}
    with _container(client, "sleep", "100", mem_limit="64m", name="cs-sdk-stats") as container:
        one = container.stats(stream=False)
        samples = container.stats(decode=True, stream=True)
        first, second = next(samples), next(samples)
        samples.close()
        container.kill()
        container.wait()
        resting = container.stats(stream=False)
    return [
        one["name"],
        one["memory_stats"]["limit"],
        sorted(one.keys() - optional),
        *(sorted(one[part].keys() - optional) for part in ("cpu_stats", "precpu_stats", "memory_stats", "blkio_stats")),
        {name: sorted(counters) for name, counters in one["networks"].items()},
        one["pids_stats"],
        first["preread"],
        second["preread"] == first["read"],
        [resting["read"], resting["memory_stats"], resting["pids_stats"], sorted(resting.keys() - optional)],
    ]


def version_and_info(client: docker.DockerClient) -> Any:
    return [client.ping(), sorted(client.version()), client.info()["OSType"]]


def files_are_copied_out_and_in(client: docker.DockerClient) -> Any:
    with _container(client, "sh", "-c", "mkdir /a; echo one > /a/one; ln -s one /a/link") as container:
        container.wait()
        chunks, stat = container.get_archive("/a")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            members = sorted((member.name, member.type.decode(), member.linkname) for member in archive)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            info = tarfile.TarInfo("put/in")
            info.size, info.uid, info.gid, info.mode = 3, 7, 8, 0o640
            archive.addfile(info, io.BytesIO(b"two"))
        taken = container.put_archive("/a", buffer.getvalue())
        exported = io.BytesIO(b"".join(container.export()))
        with tarfile.open(fileobj=exported) as archive:
            found = archive.getmember("a/put/in")
            root = "a" in archive.getnames()
        return {
            "stat": [stat["name"], stat["mode"], stat["linkTarget"]],
            "members": members,
            "taken": taken,
            "found": [found.uid, found.gid, found.mode, found.size],
            "root": root,
            "missing": _failure(lambda: container.get_archive("/nosuch")),
            "nowhere": _failure(lambda: container.put_archive("/nosuch", buffer.getvalue())),
        }


def a_commit_has_the_configuration_that_was_given(client: docker.DockerClient) -> Any:
    with _container(client, "touch", "/new", labels={"a": "b"}, environment=["A=1"]) as container:
        container.wait()
        changes = container.diff()
        image = container.commit(
            "cs-sdk", "tag", message="m", author="me", changes="ENV C=3", conf={"Cmd": ["ls"], "Env": ["A=2"]}
        )
        try:
            config = image.attrs["Config"]
            return {
                "changes": changes,
                "tags": image.tags,
                "author": image.attrs["Author"],
                "comment": image.attrs["Comment"],
                "config": {name: config[name] for name in ("Cmd", "Env", "Labels")},
                "layers": len(image.attrs["RootFS"]["Layers"]),
                "step": {name: image.history()[0][name] for name in ("CreatedBy", "Comment")},
            }
        finally:
            client.images.remove("cs-sdk:tag")


PLAYS: tuple[Play, ...] = (
    run_returns_output,
    run_raises_on_failure,
    missing_objects,
    wait_and_logs,
    exec_demultiplexed,
    exec_inspected,
    attach_socket,
    states,
    published_ports_are_final_when_start_returns,
    limits,
    listing,
    events,
    import_and_remove_image,
    volumes,
    conflicts,
    stats,
    version_and_info,
    files_are_copied_out_and_in,
    a_commit_has_the_configuration_that_was_given,
)
