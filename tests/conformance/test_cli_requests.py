"""docker create and corral create ask the daemon for the same container, flag by flag.

Both talk to a stand-in for the daemon that keeps the request. Docker's client sends every field; corral sends what was
asked for: values that say nothing (null, "", 0, false, empty) are left out of the comparison.
"""

# ruff: noqa: E501 - command lines are data

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.requires("docker-cli")

CORRAL = (sys.executable, "-m", "corral.cli.main")
DEFAULTS = {"NetworkMode": "default", "MemorySwappiness": -1, "RestartPolicy": {"Name": "no"}, "ConsoleSize": [0, 0]}


class Recorder:
    """Answers pings and creations; keeps the last creation's target and body."""

    def __init__(self, path: Path) -> None:
        self.url = f"unix://{path}"
        self.asked: tuple[str, dict[str, object]] | None = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                method, target, _ = line.decode().split(" ")
                headers = {}
                while field := stream.readline().strip():
                    name, _, value = field.decode().partition(": ")
                    headers[name.lower()] = value
                body = stream.read(int(headers.get("content-length", 0)))
                answer = b"OK"
                if "/containers/create" in target:
                    self.asked = target.partition("/containers/create")[2], json.loads(body)
                    answer = b'{"Id":"%s","Warnings":[]}' % (b"a" * 64)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nOstype: linux\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (len(answer), b"" if method == "HEAD" else answer)
                )

    def ask(self, client: Sequence[str], arguments: Sequence[str], directory: Path) -> tuple[str, object]:
        self.asked = None
        done = subprocess.run(
            [*client, "-H", self.url, "create", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=directory,
            env={
                "PATH": os.environ["PATH"],
                "HOME": "/nonexistent",
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "KNOWN": "value",
            },
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == "a" * 64 + "\n"
        assert self.asked is not None
        return self.asked[0], _meaning(self.asked[1])

    def close(self) -> None:
        self._listener.close()


def _meaning(request: dict[str, object]) -> object:
    host = request["HostConfig"]
    assert isinstance(host, dict)
    # An empty list of masked paths means none; null means the default. Likewise an explicit --init=false.
    explicit: dict[str, object] = {name: "none" for name in ("MaskedPaths", "ReadonlyPaths") if host.get(name) == []}
    if host.get("Init") is not None:
        explicit["Init"] = host["Init"]
    networking = request.get("NetworkingConfig") or {}
    assert isinstance(networking, dict)
    endpoints = {name: _said(endpoint) for name, endpoint in (networking.get("EndpointsConfig") or {}).items()}
    sets = {name: sorted(request.get(name) or ()) for name in ("Volumes", "ExposedPorts")}  # type: ignore[call-overload]
    said = _said(request)
    assert isinstance(said, dict)
    said["HostConfig"] = {
        **{name: value for name, value in said.get("HostConfig", {}).items() if DEFAULTS.get(name) != value},
        **explicit,
    }
    # Docker's client names the network of the mode even where it says nothing about it.
    said["NetworkingConfig"] = endpoints if len(endpoints) > 1 or any(endpoints.values()) else {}
    said["HostConfig"].get("Ulimits", []).sort(key=lambda limit: limit["Name"])
    for found in (said.get("Env", []), said["HostConfig"].get("Binds", [])):
        found.sort()  # docker's own order changes from call to call
    return {**said, **sets}


def _said(value: object) -> object:
    """Without what says nothing."""
    if isinstance(value, dict):
        pruned = {name: _said(item) for name, item in value.items()}
        return {name: item for name, item in pruned.items() if item}
    return [_said(item) for item in value] if isinstance(value, list) else value


LINES = """
image
image a -b --c
-i image
-t image
-a stdin -a stderr image
--name x --platform linux/amd64 image
-p 8080:80 image
-p 80 -p 127.0.0.1::81/udp -p 9000-9002:90-92 -p 7000-7010:70 -p [::1]:5:6 image
-P --expose 5-6 --expose 7/udp image
-v /a:/b:ro -v vol:/c -v ./rel:/d -v /anon image
--mount type=bind,src=/a,dst=/m,readonly,bind-propagation=rslave,bind-nonrecursive image
--mount type=bind,src=.,dst=/m,bind-recursive=readonly,ro,bind-propagation=rprivate image
--mount type=volume,src=v,dst=/n,volume-nocopy,volume-label=a=b,volume-driver=local,volume-opt=x=y,volume-subpath=s image
--mount '"type=bind","src=/a,b","dst=/m"' image
--mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770 --tmpfs /run:size=1m --tmpfs /x image
--mount type=image,source=i,target=/b,image-subpath=x image
-e A=b -e KNOWN -e UNKNOWN -e E= image
-l a=b -l c --label d=e=f image
-m 64m --memory-swap -1 --memory-reservation 32m --memory-swappiness 5 --shm-size 1m image
--cpus 1.5 -c 512 --cpuset-cpus 0-1 --cpuset-mems 0 --cpu-period 5 --cpu-quota 6 --pids-limit 50 image
--pids-limit -1 --oom-kill-disable --oom-score-adj 10 image
--ulimit nofile=10:20 --ulimit core=-1 --ulimit nproc=5 image
--device /dev/null --device /dev/zero:/dev/z:r --device /dev/a:rw --device vendor.com/class=name image
--device-cgroup-rule 'c 1:2 rwm' --gpus all image
--gpus '"device=0,1",capabilities=utility' image
--gpus driver=x,count=1,options=a=b image
--restart on-failure:3 image
--restart unless-stopped image
--restart no image
--network none image
--network host image
--network container:x image
--network m --network-alias al --ip 1.2.3.4 --ip6 ::5 --mac-address 92:d0:c6:0a:29:33 --link-local-ip 169.254.1.1 image
--network name=n,alias=q,alias=r,ip=1.1.1.1,driver-opt=a=b,gw-priority=5,mac-address=92:d0:c6:0a:29:33 --network m image
--cap-add net_admin --cap-add CAP_SYS_TIME --cap-drop all image
--security-opt no-new-privileges --security-opt seccomp=unconfined --security-opt apparmor=x --security-opt label:disable image
--security-opt seccomp={profile} image
--security-opt systempaths=unconfined image
--dns 1.2.3.4 --dns-search x --dns-option y --add-host a:1.2.3.4 --add-host h=host-gateway --add-host s=[::1] image
-h host --domainname d -u 1:2 -w /w --group-add 5 --group-add audio image
--entrypoint "/bin/x y" image z
--entrypoint "" image z
--init image
--init=false image
--read-only --privileged --rm image
--sysctl net.core.somaxconn=1 --ipc private --pid host --uts host --userns host --cgroupns private image
--stop-signal TERM --stop-timeout 5 image
--stop-timeout 0 image
--health-cmd "x y" --health-interval 5s --health-timeout 1m30s --health-retries 3 --health-start-period 1s --health-start-interval 2s image
--no-healthcheck image
--log-driver json-file --log-opt max-size=1m --log-opt b image
--blkio-weight 10 --blkio-weight-device /dev/a:10 --device-read-bps /dev/a:1m --device-write-bps /dev/a:1kb --device-read-iops /dev/a:7 --device-write-iops /dev/a:5 image
--annotation x=y --volumes-from o:ro --volume-driver dd --link l:m --link k --runtime r --storage-opt size=1 --isolation default --cgroup-parent p image
--env-file {variables} --label-file {variables} -e LAST=1 image
--use-api-socket image
"""


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    made = Recorder(tmp_path_factory.mktemp("recorder") / "d.sock")
    yield made
    made.close()


@pytest.mark.parametrize("line", [line for line in LINES.strip().split("\n") if line])
def test_the_same_container_is_asked_for(line: str, recorder: Recorder, tmp_path: Path) -> None:
    profile, variables = tmp_path / "profile.json", tmp_path / "variables"
    profile.write_text('{ "defaultAction": "SCMP_ACT_ALLOW",\n "syscalls": [] }')
    variables.write_text("# comment\nA=b c\nKNOWN\n\nX=\n")
    arguments = shlex.split(line.format(profile=profile, variables=variables))
    wanted = recorder.ask(("docker",), arguments, tmp_path)
    assert recorder.ask(CORRAL, arguments, tmp_path) == wanted
