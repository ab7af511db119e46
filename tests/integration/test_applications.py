"""A real server from Debian's packages, installed in a container of a bootstrapped image, serves a client."""

from __future__ import annotations

import time

import pytest

from support.host import TestHost

INSTALL = "apt-get -qq update && apt-get -qq -y install --no-install-recommends redis-server >/dev/null"
SERVE = "exec redis-server --bind 0.0.0.0 --protected-mode no --save ''"
CLIENT = """
import socket, sys
s = socket.create_connection(("127.0.0.1", 6379), 2)
s.sendall(b"SET key through-the-port\\r\\nGET key\\r\\n")
data = b""
while data.count(b"\\r\\n") < 3:
    data += s.recv(100)
sys.stdout.write(data.decode())
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.requires("mmdebstrap", "package-mirror", "nft")
def test_redis_from_the_mirror_serves_on_a_published_port(fresh_host: TestHost) -> None:
    fresh_host.uplink()
    fresh_host.corral("image", "bootstrap", "debian:bookworm", timeout=300)
    fresh_host.docker("run", "-d", "--name", "redis", "-p", "6379:6379", "-v", "redis-data:/var/lib/redis",
                      "debian:bookworm", "sh", "-c", f"{INSTALL} && {SERVE}")  # fmt: skip
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        answer = fresh_host.inside("python3", "-c", CLIENT, check=False)
        if answer.returncode == 0:
            break
        assert fresh_host.docker("inspect", "-f", "{{.State.Running}}", "redis").stdout == "true\n", fresh_host.docker(
            "logs", "redis"
        ).stderr
        time.sleep(0.5)
    assert answer.stdout == "+OK\r\n$16\r\nthrough-the-port\r\n"
    fresh_host.restart()
    assert fresh_host.inside("python3", "-c", CLIENT).stdout == "+OK\r\n$16\r\nthrough-the-port\r\n"
    fresh_host.docker("rm", "-f", "-v", "redis")
