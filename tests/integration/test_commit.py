"""commit: what becomes of a container's changes, through the docker client."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from support.host import TestHost

pytestmark = pytest.mark.usefixtures("clean")

CHANGES = """
mkdir -p /made/deep; echo new > /made/deep/file; ln /made/deep/file /made/link; ln -s deep /made/way
rm /etc/group; rm -r /home; mkdir /home; echo in > /home/in; mkfifo /made/fifo; chmod 4755 /made/deep/file
chown 12:34 /made/way -h; chmod 0700 /var; dd if=/dev/zero of=/made/holes bs=1 count=1 seek=1000000 2>/dev/null
touch -d '2001-02-03 04:05:06' /made/deep
"""
LOOK = (
    "cd /; find made home var etc -not -path '*/resolv.conf' | sort | xargs stat -c '%n %F %a %u %g %s %h'; "
    "readlink made/way; cat home/in made/link; test -e etc/group || echo gone; stat -c %Y made/deep"
)


def inspected(host: TestHost, image: str) -> dict[str, Any]:
    return json.loads(host.docker("image", "inspect", image).stdout)[0]  # type: ignore[no-any-return]


def test_the_image_shows_what_the_container_did(host: TestHost) -> None:
    host.docker("run", "--name", "made", "busybox", "sh", "-ec", CHANGES)
    host.docker("commit", "made", "made:one")
    before = host.docker("run", "--rm", "--volumes-from", "made", "made:one", "sh", "-c", LOOK).stdout
    assert "made/holes regular file 644 0 0 1000001 1" in before
    assert "made/deep/file regular file 4755 0 0 4 2" in before
    assert "gone" in before
    host.docker("rm", "made")
    archive = host.base / "made.tar"
    host.docker("save", "-o", archive, "made:one")  # the tar that was never written
    host.docker("rmi", "made:one")
    host.docker("load", "-i", archive)
    assert host.docker("run", "--rm", "made:one", "sh", "-c", LOOK).stdout == before
    host.docker("rmi", "made:one")


def test_layers_share_what_is_below(host: TestHost) -> None:
    host.docker("run", "--name", "first", "busybox", "sh", "-c", "echo 1 > /one")
    host.docker("commit", "first", "chain:1")
    host.docker("run", "--name", "second", "chain:1", "sh", "-c", "rm /one; echo 2 > /two")
    host.docker("commit", "second", "chain:2")
    one, two = inspected(host, "chain:1"), inspected(host, "chain:2")
    assert two["RootFS"]["Layers"][:-1] == one["RootFS"]["Layers"]
    assert two["Parent"] == one["Id"]
    assert host.docker("run", "--rm", "chain:2", "ls", "/one", "/two", check=False).stdout == "/two\n"
    assert len(host.docker("history", "-q", "chain:2").stdout.split()) == 3
    host.docker("rm", "first", "second")
    host.docker("rmi", "chain:2", "chain:1")


def test_the_same_changes_are_one_layer(host: TestHost) -> None:
    host.docker("run", "--name", "same", "busybox", "sh", "-c", "echo 1 > /one")
    ids = {inspected(host, host.docker("commit", "same").stdout.strip())["RootFS"]["Layers"][-1] for _ in range(3)}
    assert len(ids) == 1


def test_a_running_container_is_paused_meanwhile_and_goes_on(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "busy", "busybox", "sh", "-c", "i=0; while :; do echo $((i+=1)) > /n; done")
    for flags in ((), ("-p=false",)):
        host.docker("commit", *flags, "busy", "busy:1")
        assert host.docker("inspect", "-f", "{{.State.Status}}", "busy").stdout == "running\n"
    only = ("--filter", "type=container", "--filter", "container=busy")
    log = host.docker(
        "events", "--since", "60s", "--until", f"{time.time():.6f}", *only, "--format", "{{.Action}}"
    ).stdout.split()
    assert log == ["create", "start", "pause", "commit", "unpause", "commit"]
    host.docker("rm", "-f", "busy")
    host.docker("rmi", "busy:1")


def test_containers_that_change_while_they_are_committed(host: TestHost) -> None:
    """Not paused, it renames and removes what is being read: the image is some state of it, and never an error."""
    turn = "for i in 1 2 3 4 5 6 7 8 9; do echo $i > /d/a$i; mv /d/a$i /d/b$i; done; rm /d/*"
    script = f"mkdir /d; while :; do {turn}; done"
    host.docker("run", "-d", "--name", "restless", "busybox", "sh", "-c", script)
    for _ in range(5):
        host.docker("commit", "-p=false", "restless", "restless:1")
        host.docker("run", "--rm", "restless:1", "ls", "/d")
    host.docker("rm", "-f", "restless")
    host.docker("rmi", "restless:1")


def test_ids_of_a_user_namespace_are_those_inside(host: TestHost) -> None:
    host.corral("run", "--userns", "auto", "--name", "mapped", "busybox", "sh", "-c", "touch /a /b; chown 5:6 /b")
    host.docker("commit", "mapped", "mapped:1")
    shown = host.docker("run", "--rm", "mapped:1", "stat", "-c", "%n %u %g", "/a", "/b").stdout
    assert shown == "/a 0 0\n/b 5 6\n"
    host.docker("rm", "mapped")
    host.docker("rmi", "mapped:1")


def test_many_commits_at_once(host: TestHost) -> None:
    host.docker("run", "--name", "many", "busybox", "sh", "-c", "head -c 1000000 /dev/urandom > /data")
    done = []
    threads = [
        threading.Thread(target=lambda n=n: done.append(host.docker("commit", "many", f"many:{n}"))) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 8
    assert len({inspected(host, f"many:{n}")["RootFS"]["Layers"][-1] for n in range(8)}) == 1
    host.docker("rm", "many")
    host.docker("rmi", *(f"many:{n}" for n in range(8)))
