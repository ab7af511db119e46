"""Ids of containers that are not the host's: userns-remap of the daemon, --userns of a container, mapped volumes."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.host import TestHost, busybox_archive

BASE = 4_000_000
SIZE = 65_536
FILES = (Path("/etc/subuid"), Path("/etc/subgid"))
USERS = ("games", "man", "lp", "mail", "news", "uucp", "proxy", "backup")
"""Users that have groups of their own and no ranges: one for each worker, since the files are the machine's."""


@pytest.fixture(scope="module")
def remapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHost]:
    """A daemon that maps the ids of all containers; nobody has ranges while it is there."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    user = USERS[int(worker) % len(USERS)]
    line = f"{user}:{BASE}:{SIZE}\n"
    for path in FILES:
        with path.open("a") as file:
            file.write(line)
    host = TestHost("usernsremap", flags=("--userns-remap", f"{user}:{user}"))
    try:
        host.start()
        host.import_busybox(busybox_archive(tmp_path_factory.mktemp("image")))
        yield host
    finally:
        host.close()
        for path in FILES:
            path.write_text(path.read_text().replace(line, "", 1))


@pytest.fixture(params=["remap", "auto"])
def engine(request: pytest.FixtureRequest, remapped: TestHost, host: TestHost) -> Iterator[Engine]:
    """Containers with ids of their own in either way."""
    chosen = Engine(remapped, ()) if request.param == "remap" else Engine(host, ("--userns", "auto"))
    yield chosen
    if ids := chosen.host.docker("ps", "-aq").stdout.split():
        chosen.host.docker("rm", "-f", "-v", *ids)


class Engine:
    def __init__(self, host: TestHost, flags: tuple[str, ...]) -> None:
        self.host = host
        self.flags = flags

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.host.corral("run", *self.flags, *arguments, check=check)

    def shell(self, script: str, *arguments: str) -> list[str]:
        return self.run("--rm", *arguments, "busybox", "sh", "-c", script).stdout.splitlines()

    def pid(self, name: str) -> int:
        return int(self.host.docker("inspect", "-f", "{{.State.Pid}}", name).stdout)

    def base(self, name: str) -> int:
        """The host's id of its root."""
        text = Path(f"/proc/{self.pid(name)}/uid_map").read_text()
        return int(text.split()[1])


def test_root_inside_is_nobody_outside_and_has_its_network(engine: Engine) -> None:
    engine.run("-d", "--name", "box", "busybox", "sleep", "1000")
    status = Path(f"/proc/{engine.pid('box')}/status").read_text()
    (uid,) = re.findall(r"^Uid:\s+(\d+)", status, re.MULTILINE)
    assert int(uid) == engine.base("box") > 0
    script = """
        id -u; stat -c %u /bin/sh /etc/hosts /dev/null; ip route | grep -c default
        ping -c1 -W5 $(ip route | awk '/default/{print $3}') >/dev/null && echo ping
    """
    lines = engine.host.docker("exec", "box", "sh", "-c", script).stdout.splitlines()
    assert lines == ["0", "0", "0", "0", "1", "ping"]


def test_it_can_do_what_docker_gives_it(engine: Engine) -> None:
    script = """
        echo 1.2.3.4 example >> /etc/hosts && touch /new && chown 1000:1000 /new && stat -c %u:%g /new
        hostname; stat -c '%u %a' /dev/shm; echo x > /dev/shm/y && echo shm
        nc -l -p 80 >/dev/null & sleep 0.1; netstat -ltn | grep -c :80
    """
    assert engine.shell(script, "--hostname", "inside") == ["1000:1000", "inside", "0 1777", "shm", "1"]


def test_layers_are_shared_and_not_copied(engine: Engine) -> None:
    engine.run("-d", "--name", "box", "busybox", "sh", "-c", "touch /mine; sleep 1000")
    engine.host.docker("exec", "box", "sh", "-c", "until test -e /mine; do sleep 0.05; done")
    upper = Path(engine.host.docker("inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "box").stdout.strip())
    assert not (upper / "bin").exists(), "nothing of the image was copied up"
    assert (upper / "mine").stat().st_uid == 0, "on the disk it is root's, whatever the maps are"


def test_terminals_execs_users_and_reapers(engine: Engine) -> None:
    engine.run("-d", "--init", "--name", "box", "busybox", "sleep", "1000")
    docker = engine.host.docker
    assert docker("exec", "-t", "box", "sh", "-c", "stat -c %u:%g $(tty)").stdout.strip() == "0:5"
    assert docker("exec", "-u", "1000:100", "box", "sh", "-c", "id -u; id -g").stdout.split() == ["1000", "100"]
    assert docker("exec", "box", "cat", "/proc/1/comm").stdout.strip() == "docker-init"
    assert docker("exec", "--privileged", "box", "id", "-u").stdout.strip() == "0"


def test_it_survives_the_daemon_and_comes_back(engine: Engine) -> None:
    engine.run("-d", "--name", "box", "busybox", "sleep", "1000")
    before = engine.base("box")
    engine.host.restart()
    docker = engine.host.docker
    assert docker("exec", "box", "id", "-u").stdout.strip() == "0"
    docker("restart", "-t", "0", "box")
    assert engine.base("box") == before
    assert docker("exec", "box", "id", "-u").stdout.strip() == "0"


def test_nothing_is_left(engine: Engine) -> None:
    engine.run("--rm", "busybox", "true")
    engine.run("--rm", "busybox", "no-such-program", check=False)
    assert list(engine.host.exec_root.joinpath("netns").iterdir()) == []


# -- volumes and binds


def test_volumes_are_shared_by_containers_of_different_maps(engine: Engine) -> None:
    try:
        assert engine.shell("echo hi > /data/f; chown 7:8 /data/f; stat -c %u:%g /data", "-v", "shared:/data") == [
            "0:0"
        ]
        script = "cat /data/f; stat -c %u:%g /data/f"
        other = engine.host.corral(
            "run", "--rm", "--userns", "auto:size=1000", "-v", "shared:/data", "busybox", "sh", "-c", script
        )
        assert other.stdout.split() == ["hi", "7:8"]
        plain = engine.host.corral(
            "run", "--rm", "--userns", "host", "-v", "shared:/data", "busybox", "sh", "-c", script
        )
        assert plain.stdout.split() == ["hi", "7:8"]
    finally:
        engine.host.docker("volume", "rm", "shared")


def test_a_new_volume_is_filled_from_the_image_with_its_owners(engine: Engine) -> None:
    engine.host.corral("run", "--userns", "host", "--name", "maker", "busybox", "sh", "-c", "mkdir /d; touch /d/x")
    assert engine.shell("stat -c %u:%g /bin /bin/busybox", "-v", "/bin") == ["0:0", "0:0"]


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A directory with a secret of the host's root's."""
    directory = tmp_path / "private"
    directory.mkdir(mode=0o700)
    (directory / "secret").write_text("secret")
    (directory / "secret").chmod(0o600)
    return directory


def test_the_hosts_files_are_not_its_roots(engine: Engine, private: Path) -> None:
    script = """
        cat /data/secret; echo x > /data/secret; echo x > /data/new; rm -f /data/secret; chmod 777 /data/secret
        chown 0 /data/secret; ln /data/secret /data/link; mv /data/secret /data/moved; true
    """
    assert engine.shell(f"({script}) 2>/dev/null; stat -c %u /data", "-v", f"{private}:/data") == ["65534"]
    assert os.listdir(private) == ["secret"]
    assert (private / "secret").read_text() == "secret"
    assert stat.S_IMODE((private / "secret").stat().st_mode) == 0o600


@pytest.mark.parametrize("form", ["volume", "mount"])
def test_an_idmapped_bind_is_its_roots(engine: Engine, private: Path, form: str) -> None:
    flag = (
        ("-v", f"{private}:/data:idmap")
        if form == "volume"
        else ("--mount", f"type=bind,src={private},dst=/data,idmap")
    )
    assert engine.shell("cat /data/secret; echo; touch /data/new", *flag) == ["secret"]
    assert (private / "new").stat().st_uid == 0, "what it makes there belongs to root: it was asked for"


def test_a_bind_with_maps_of_its_own(engine: Engine, private: Path) -> None:
    private.chmod(0o755)
    (private / "bobs").touch()
    os.chown(private / "bobs", 1000, 1000)
    maps = "idmap=uids=@1000-7-1;gids=@1000-8-1"
    assert engine.shell("stat -c %u:%g /data/bobs", "-v", f"{private}:/data:{maps}") == ["7:8"]


def test_idmap_of_a_container_without_user_namespace_needs_maps(host: TestHost, private: Path) -> None:
    done = host.corral("run", "--rm", "-v", f"{private}:/data:idmap", "busybox", "true", check=False)
    assert "idmap: the container has no user namespace of its own" in done.stderr
    maps = f"type=bind,src={private},dst=/data,idmap=uids=0-5-1;gids=0-6-1"
    done = host.corral("run", "--rm", "--mount", maps, "busybox", "stat", "-c", "%u:%g", "/data/secret")
    assert done.stdout.strip() == "5:6"


# -- the daemon's setting


def test_info_says_that_ids_are_mapped(remapped: TestHost, host: TestHost) -> None:
    options = json.loads(remapped.docker("info", "-f", "{{json .SecurityOptions}}").stdout)
    assert "name=userns" in options
    assert "name=userns" not in json.loads(host.docker("info", "-f", "{{json .SecurityOptions}}").stdout)


def test_all_containers_have_the_daemons_ids_unless_they_say_host(remapped: TestHost) -> None:
    show = ("busybox", "cat", "/proc/self/uid_map")
    assert remapped.docker("run", "--rm", *show).stdout.split() == ["0", str(BASE), str(SIZE)]
    assert remapped.docker("run", "--rm", "--userns", "host", *show).stdout.split() == ["0", "0", "4294967295"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--privileged",), "privileged mode is incompatible with user namespaces."),
        (("--network", "host"), "cannot share the host's network namespace when user namespaces are enabled"),
        (("--pid", "host"), "cannot share the host PID namespace when user namespaces are enabled"),
    ],
)
def test_what_docker_refuses_with_it(remapped: TestHost, flags: tuple[str, ...], message: str) -> None:
    done = remapped.docker("run", "--rm", *flags, "busybox", "true", check=False)
    assert message in done.stderr
    assert remapped.docker("run", "--rm", "--userns", "host", *flags, "busybox", "id", "-u").stdout.strip() == "0"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("no-such-user", 'Error during uid lookup for "no-such-user"'),
        ("3999999999", "Uid 3999999999 has no entry in /etc/passwd"),
        ("daemon:no-such-group", 'Error during gid lookup for "no-such-group"'),
        ("daemon", 'no subuid ranges found for user "daemon"'),
        ("a:b:c", "invalid user/group specification in --userns-remap"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line(mark: str, setting: str, message: str) -> None:
    host = TestHost(mark, flags=("--userns-remap", setting))
    try:
        with pytest.raises(RuntimeError, match=re.escape(message)) as caught:
            host.start()
        assert "Traceback" not in str(caught.value)
    finally:
        host.close()


# -- modes of a container


@pytest.fixture
def tidy(host: TestHost) -> Iterator[TestHost]:
    yield host
    if ids := host.docker("ps", "-aq").stdout.split():
        host.docker("rm", "-f", "-v", *ids)


def test_auto_ranges_are_disjoint_and_given_back(tidy: TestHost) -> None:
    def first(name: str) -> int:
        return int(tidy.docker("exec", name, "cat", "/proc/self/uid_map").stdout.split()[1])

    for name in ("one", "two"):
        tidy.corral("run", "-d", "--userns", "auto:size=2000", "--name", name, "busybox", "sleep", "1000")
    one, two = first("one"), first("two")
    assert abs(one - two) >= 2000
    tidy.restart()
    tidy.docker("rm", "-f", "one")
    tidy.corral("run", "-d", "--userns", "auto:size=2000", "--name", "three", "busybox", "sleep", "1000")
    assert first("three") == one


def test_keep_id_keeps_the_callers_id(tidy: TestHost, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    os.chown(tmp_path / "home", 1234, 1235)
    done = tidy.corral(
        "run", "--rm", "--userns", "keep-id:hostuid=1234,hostgid=1235", "-v", f"{tmp_path}/home:/home", "busybox",
        "sh", "-c", "id -u; id -g; touch /home/x; stat -c %u /home /bin",
    )  # fmt: skip
    assert done.stdout.split() == ["1234", "1235", "1234", "0"]
    assert (tmp_path / "home/x").stat().st_uid == 1234
    done = tidy.corral("run", "--rm", "--userns", "keep-id", "busybox", "true", check=False)
    assert "keep-id keeps the ids of a user other than root" in done.stderr


def test_who_joins_a_container_joins_its_user_namespace(tidy: TestHost) -> None:
    tidy.corral("run", "-d", "--userns", "auto", "--ipc", "shareable", "--name", "donor", "busybox", "sleep", "1000")
    names = json.loads(tidy.docker("inspect", "-f", "{{json .State.Namespaces}}", "donor").stdout)
    for kind, flag in (("net", "network"), ("pid", "pid"), ("ipc", "ipc")):
        script = f"ls -l /proc/self/ns/user /proc/self/ns/{kind}; id -u; ls /sys/class/net"
        out = tidy.docker("run", "--rm", f"--{flag}", "container:donor", "busybox", "sh", "-c", script).stdout
        assert names["user"] in out
        assert names[kind] in out
        assert "lo" in out.split()


# -- file systems that cannot map owners


def test_layers_are_given_away_where_they_cannot_be_mapped(mark: str, busybox: Path) -> None:
    host = TestHost(mark, flags=("--storage-driver", "vfs"))
    for name in ("lower", "upper", "work", "data"):
        (host.base / name).mkdir()
    # An overlay file system does not map owners itself.
    options = "lowerdir=lower,upperdir=upper,workdir=work"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", "data"], check=True, cwd=host.base)
    try:
        host.start()
        host.import_busybox(busybox)
        script = "stat -c %u:%g / /bin/sh; touch /bin/new && echo made; stat -c %u /data; touch /data/x && echo volume"
        run = ("run", "--userns", "auto:size=1000", "-v", "vol:/data", "--name", "box", "busybox", "sh", "-c", script)
        assert host.corral(*run).stdout.split() == ["0:0", "0:0", "made", "0", "volume"]
        again = host.docker("start", "-a", "box").stdout.split()
        assert again == ["0:0", "0:0", "made", "0", "volume"], "its files are given away once"
        assert host.docker("run", "--rm", "busybox", "stat", "-c", "%u", "/bin/sh").stdout.strip() == "0"
    finally:
        host.close()


@pytest.mark.requires("cgroup2")
def test_writable_cgroups_are_delegated_to_its_root(engine: Engine) -> None:
    script = """
        cd /sys/fs/cgroup && mkdir inner && echo $$ > inner/cgroup.procs && cat /proc/self/cgroup
        { echo max > memory.max; } 2>/dev/null || echo limits stay
    """
    lines = engine.shell(script, "--security-opt", "writable-cgroups=true", "--memory", "100m")
    assert lines == ["0::/inner", "limits stay"]
