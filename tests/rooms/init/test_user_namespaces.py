"""Containers with a user namespace of their own: what its root has inside, and that it has nothing outside."""

from __future__ import annotations

import dataclasses
import os
import re
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from corral.linux import user_namespace
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Device, IDMapping, Mount, Namespace, Rlimit, Spec, TimeOffset
from support.boxes import CAPABILITIES, NAMESPACES, NEEDS, Box, NoCgroup, Running, in_box, is_gone, process, shell, spec

pytestmark = pytest.mark.requires(*NEEDS)

BASE = 100_000
SIZE = 65_536
MAPS = (IDMapping(0, BASE, SIZE),)
OWN = (*NAMESPACES, Namespace("user"))


def mapped(first: Any, **fields: Any) -> Spec:
    linux = {"namespaces": OWN, "uid_mappings": MAPS, "gid_mappings": MAPS, **fields.pop("linux", {})}
    return spec(first, linux=linux, **fields)


@pytest.fixture
def box(root: Path, tmp_path: Path) -> Box:
    """Its layers belong to root on the disk, in directories that only root may enter."""
    for name in ("upper", "work", "bundle", "lower"):
        (tmp_path / name).mkdir()
    os.chown(root / "tmp", 1000, 1000)
    tmp_path.chmod(0o700)
    options = ("lowerdir=root:lower", "upperdir=upper", "workdir=work")
    return Box((RootfsMount("overlay", "overlay", options, str(tmp_path), True),), tmp_path / "bundle", NoCgroup())


def run(box: Box, description: Spec) -> list[str]:
    outcome = in_box(box, lambda box: box.run(description))
    assert outcome.code == 0, (outcome.out, outcome.messages)
    assert not outcome.warnings, outcome.warnings
    return list(outcome.lines)


def test_root_inside_is_somebody_else_outside(box: Box) -> None:
    def scenario(box: Box) -> list[str]:
        description = mapped(process("sleep", "60"))
        with box.running(description) as running:
            inside = box.exec(running, description, shell("id -u; id -g; id -G; cat /proc/self/uid_map"))
            status = Path(f"/proc/{running.child.pid}/status").read_text()
            return [inside.out, *(line for line in status.splitlines() if line[:3] in ("Uid", "Gid", "Gro"))]

    inside, *outside = in_box(box, scenario)
    assert inside.split() == ["0", "0", "0", "0", str(BASE), str(SIZE)]
    assert [line.split()[1:] for line in outside] == [[str(BASE)] * 4, [str(BASE)] * 4, [str(BASE)]]


def test_layers_keep_their_owners_on_the_disk(box: Box, tmp_path: Path) -> None:
    script = "stat -c '%u:%g' /bin/sh /tmp; touch /tmp/new; chown 1000:29 /tmp/new; chmod 755 /etc/passwd; mkdir /opt"
    assert run(box, mapped(shell(script))) == ["0:0", "1000:1000"]
    new, changed, made = (tmp_path / "upper" / name for name in ("tmp/new", "etc/passwd", "opt"))
    assert (new.stat().st_uid, new.stat().st_gid) == (1000, 29)
    assert {changed.stat().st_uid, made.stat().st_uid} == {0}


def test_the_same_layers_go_with_any_maps_and_with_none(box: Box) -> None:
    run(box, mapped(shell("touch /tmp/a; chown 7 /tmp/a")))
    other = (IDMapping(0, 500_000, 2000),)
    script = shell("stat -c %u /tmp/a; touch /tmp/b; stat -c %u /tmp/b")
    assert run(box, mapped(script, linux={"uid_mappings": other, "gid_mappings": other})) == ["7", "0"]
    assert run(box, spec(shell("stat -c %u /tmp/a /tmp/b"))) == ["7", "0"]


def test_its_namespaces_belong_to_the_user_namespace(box: Box) -> None:
    def scenario(box: Box) -> list[bool]:
        with box.running(mapped(process("sleep", "60"))) as running:
            pid = running.child.pid
            own = os.stat(f"/proc/{pid}/ns/user").st_ino
            answers = []
            for kind in ("mnt", "pid", "net", "ipc", "uts", "cgroup"):
                fd = user_namespace.open_namespace(pid, kind)
                answers.append(os.fstat(user_namespace.owner_of(fd)).st_ino == own)
            return answers

    assert in_box(box, scenario) == [True] * 6


def test_what_is_mounted_is_the_containers_own(box: Box) -> None:
    script = """
        stat -c '%u %a' /dev /dev/null /dev/pts /dev/shm; echo ok > /dev/null; head -c 4 /dev/zero | wc -c
        stat -c '%g' /dev/pts/ptmx; touch /dev/shm/x && echo shm; echo 1 > /proc/sys/kernel/hostname
        ls /sys/class/net; cat /proc/1/comm; ls /sys/fs/cgroup | head -n1 | wc -l
        stat -c %a /dev/mqueue; hostname
    """
    lines = run(box, mapped(shell(script)))
    assert lines[:4] == ["0 755", "0 666", "0 755", "0 1777"]
    assert "4" in lines
    assert "shm" in lines
    assert "lo" in lines
    assert lines[-1] == "box"


def test_a_terminal_belongs_to_the_user_and_its_group_to_tty(box: Box) -> None:
    lines = run_terminal(box, mapped(shell("tty; stat -c '%u:%g' $(tty); id -u", terminal=True)))
    assert lines[:3] == ["/dev/pts/0", "0:5", "0"]


def run_terminal(box: Box, description: Spec) -> list[str]:
    outcome = in_box(box, lambda box: box.run(description))
    assert outcome.code == 0, (outcome.out, outcome.messages)
    return list(outcome.lines)


def test_a_small_map_has_no_group_tty(box: Box) -> None:
    tiny = (IDMapping(0, BASE, 3),)
    script = shell("id -u; stat -c %u /dev/pts/ptmx")
    assert run(box, mapped(script, linux={"uid_mappings": tiny, "gid_mappings": tiny})) == ["0", "0"]


def test_users_and_groups_of_the_image_are_mapped(box: Box) -> None:
    from corral.oci.runtime import User

    def scenario(box: Box) -> list[str]:
        description = mapped(shell("id; echo out > /dev/stdout; sleep 60", user=User(username="bob")))
        with box.running(description) as running:
            shown = running.read_until("out")
            status = Path(f"/proc/{running.child.pid}/status").read_text()
            return [shown, *re.findall(r"[UG]id:\s+(\d+)", status)]

    shown, uid, gid = in_box(box, scenario)
    assert "uid=1000(bob) gid=1000(bob)" in shown
    assert "29(audio)" in shown
    assert [int(uid), int(gid)] == [BASE + 1000, BASE + 1000]


def test_capabilities_are_the_same_as_without(box: Box) -> None:
    script = shell("grep -E 'Cap(Prm|Eff|Bnd|Amb)' /proc/self/status")
    assert run(box, mapped(script)) == run(box, spec(script)), "a new user namespace begins with all of them"


def test_limits_above_the_hosts_are_set_before(box: Box) -> None:
    limits = (Rlimit("RLIMIT_NOFILE", 64, 128), Rlimit("RLIMIT_CORE", 0, 0))
    assert run(box, mapped(shell("ulimit -n; ulimit -H -n", rlimits=limits))) == ["64", "128"]


def test_kernel_parameters_of_its_namespaces_can_be_set(box: Box) -> None:
    sysctl = {"net.ipv4.ip_unprivileged_port_start": "0", "kernel.shmmni": "123", "fs.mqueue.msg_max": "7"}
    script = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni /proc/sys/fs/mqueue/msg_max"
    assert run(box, mapped(shell(script), linux={"sysctl": sysctl})) == ["0", "123", "7"]


def test_masked_and_read_only_paths_are_masked_and_read_only(box: Box) -> None:
    script = """
        cat /proc/keys /proc/timer_list | wc -c; ls /sys/firmware | wc -l
        touch /proc/sys/kernel/hostname 2>&1 | grep -c -i read-only
    """
    assert run(box, mapped(shell(script))) == ["0", "0", "1"]


def test_devices_that_were_asked_for_are_there(box: Box) -> None:
    devices = (Device("/dev/deep/zero", "c", 1, 5, 0o640, 0, 29), Device("/else/null", "c", 1, 3, 0o666))
    script = "stat -c '%a %u %g %t:%T' /dev/deep/zero /else/null; head -c 2 /dev/deep/zero | wc -c; echo x > /else/null"
    lines = run(box, mapped(shell(script), linux={"devices": devices}))
    assert lines == ["640 0 29 1:5", "666 0 0 1:3", "2"]


def test_a_reaper_and_a_read_only_root(box: Box) -> None:
    from corral.oci.annotations import REAPER
    from corral.oci.runtime import Root

    description = mapped(
        shell("cat /proc/1/comm; touch /x 2>&1 | grep -c only"),
        root=Root("rootfs", readonly=True),
        annotations={REAPER: '["docker-init"]'},
    )
    assert run(box, description) == ["docker-init", "1"]


# -- execs, joins


def test_an_exec_is_root_of_the_same_user_namespace(box: Box) -> None:
    script = "id -u; readlink /proc/self/ns/user; grep CapBnd /proc/self/status; echo out > /dev/stdout; ulimit -n"

    def scenario(box: Box) -> list[str]:
        description = mapped(shell(f"{script}; sleep 60"))
        with box.running(description) as running:
            first = running.read_until("out\n")
            more = box.exec(running, description, shell(script))
            as_bob = box.exec(running, description, shell("id -u; id -G", user=dataclasses.replace(_user("bob"))))
            return [first, more.out, as_bob.out, str(more.warnings), str(more.code)]

    first, more, as_bob, messages, code = in_box(box, scenario)
    assert (messages, code) == ("[]", "0")
    assert more.splitlines()[:4] == first.splitlines()[:4]
    assert as_bob.split() == ["1000", "1000", "29"]


def _user(name: str) -> Any:
    from corral.oci.runtime import User

    return User(username=name)


def test_an_exec_with_a_terminal(box: Box) -> None:
    def scenario(box: Box) -> list[str]:
        description = mapped(process("sleep", "60"))
        with box.running(description) as running:
            outcome = box.exec(running, description, shell("stat -c '%u:%g' $(tty)", terminal=True))
            return [outcome.out, str(outcome.code)]

    out, code = in_box(box, scenario)
    assert (out.strip(), code) == ("0:5", "0")


def test_a_user_namespace_is_joined_together_with_a_network_that_it_owns(box: Box, tmp_path: Path) -> None:
    def scenario(box: Box) -> list[str]:
        with box.running(mapped(process("sleep", "60"))) as donor:
            base = f"/proc/{donor.child.pid}/ns"
            joined = (
                *(Namespace(kind) for kind in ("mount", "pid", "ipc", "uts", "cgroup")),
                Namespace("network", f"{base}/net"),
                Namespace("user", f"{base}/user"),
            )
            script = shell(
                "readlink /proc/self/ns/user; readlink /proc/self/ns/net; ls /sys/class/net; ip link set lo up"
            )
            outcome = Box(box.rootfs, tmp_path / "other", NoCgroup()).run(spec(script, linux={"namespaces": joined}))
            return [outcome.out, outcome.error, os.readlink(f"{base}/user"), os.readlink(f"{base}/net")]

    (tmp_path / "other").mkdir()
    out, messages, user, net = in_box(box, scenario)
    assert messages == ""
    assert out.splitlines() == [user, net, "lo"]


def test_namespaces_of_the_host_are_kept_and_cannot_be_changed(box: Box) -> None:
    shared = tuple(namespace for namespace in OWN if namespace.type not in ("network", "ipc", "uts", "pid"))
    script = """
        hostname other 2>&1 | grep -c permitted; ip link add x type veth 2>&1 | grep -c permitted
        test -d /sys/class/net/lo && test -e /proc/1/comm && test -d /dev/mqueue && echo seen
    """
    host = socket.gethostname()
    lines = run(box, mapped(shell(script), hostname="", linux={"namespaces": shared}))
    assert lines == ["1", "1", "seen"]
    assert socket.gethostname() == host


# -- binds


def bind(source: Path, *options: str, **fields: Any) -> Mount:
    return Mount("/data", "bind", str(source), ("rbind", *options), **fields)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Below a directory that only root may enter."""
    directory = tmp_path / "private" / "data"
    directory.mkdir(parents=True)
    (tmp_path / "private").chmod(0o700)
    (directory / "root").write_text("secret")
    (directory / "root").chmod(0o600)
    (directory / "bob").write_text("bob's")
    os.chown(directory / "bob", 1000, 1000)
    return directory


def test_a_bind_belongs_to_nobody_inside(box: Box, data: Path) -> None:
    script = """
        stat -c '%u:%g' /data/root /data/bob; cat /data/root 2>&1 | grep -c denied
        chown 0 /data/root 2>&1 | grep -c permitted; touch /data/new 2>&1 | grep -c denied
        chmod 777 /data/root 2>&1 | grep -c permitted; rm -f /data/bob 2>&1 | grep -c denied
    """
    lines = run(box, mapped(shell(script), mounts=(bind(data),)))
    assert lines == ["65534:65534", "65534:65534", "1", "1", "1", "1", "1"]
    assert sorted(os.listdir(data)) == ["bob", "root"]
    assert stat.S_IMODE((data / "root").stat().st_mode) == 0o600


def test_an_idmapped_bind_belongs_to_the_same_ids_inside(box: Box, data: Path) -> None:
    script = "stat -c '%u:%g' /data/root /data/bob; cat /data/root; echo; touch /data/new; chown 5:6 /data/new"
    lines = run(box, mapped(shell(script), mounts=(bind(data, "idmap"),)))
    assert lines == ["0:0", "1000:1000", "secret"]
    assert ((data / "new").stat().st_uid, (data / "new").stat().st_gid) == (5, 6)


def test_an_idmapped_bind_with_maps_of_its_own(box: Box, data: Path) -> None:
    """On the disk 1000, outside BASE + 7, inside 7."""
    maps = (IDMapping(1000, BASE + 7, 1),)
    mount = bind(data, uid_mappings=maps, gid_mappings=maps)
    assert run(box, mapped(shell("stat -c '%u:%g' /data/bob /data/root"), mounts=(mount,))) == ["7:7", "65534:65534"]


def test_idmapped_binds_need_no_user_namespace_when_they_have_maps(box: Box, data: Path) -> None:
    maps = (IDMapping(0, 3000, 2000),)
    mount = bind(data, uid_mappings=maps, gid_mappings=maps)
    script = shell("stat -c %u /data/root /data/bob; touch /data/x 2>&1 | grep -c large")
    assert run(box, spec(script, mounts=(mount,))) == ["3000", "4000", "1"]


def test_what_is_below_a_bind_is_mapped_with_ridmap_only(box: Box, data: Path) -> None:
    def scenario(box: Box, option: str) -> list[str]:
        from corral.linux import mount as m
        from corral.linux import namespace as ns

        ns.unshare(ns.CLONE_NEWNS)
        m.mount(None, "/", None, m.MS_PRIVATE | m.MS_REC, None)
        below = data / "below"
        below.mkdir(exist_ok=True)
        m.mount("below", str(below), "tmpfs", 0, "mode=755")
        script = shell("stat -c %u /data /data/below")
        return list(box.run(mapped(script, mounts=(bind(data, option),))).lines)

    assert in_box(box, lambda box: scenario(box, "idmap")) == ["0", "65534"]
    assert in_box(box, lambda box: scenario(box, "ridmap")) == ["0", "0"]


def test_a_file_system_without_maps_says_so(box: Box, tmp_path: Path) -> None:
    mount = Mount("/data", "bind", "/proc/sys", ("rbind", "idmap"))
    outcome = in_box(box, lambda box: box.run(mapped(process("true"), mounts=(mount,))))
    assert outcome.error == 'failed to map the owners of "/proc/sys": invalid argument'


def test_what_a_container_mounts_in_a_shared_bind_does_not_reach_the_host(box: Box, data: Path) -> None:
    from corral.linux import mount as m
    from corral.linux import namespace as ns
    from corral.runtime.security import capabilities

    everything = dataclasses.replace(
        CAPABILITIES, **dict.fromkeys(("bounding", "effective", "permitted"), capabilities.available())
    )

    def scenario(box: Box) -> list[str]:
        ns.unshare(ns.CLONE_NEWNS)
        m.mount(None, "/", None, m.MS_PRIVATE | m.MS_REC, None)
        m.mount(str(data), str(data), None, m.MS_BIND, None)
        m.mount(None, str(data), None, m.MS_SHARED, None)
        (data / "here").mkdir()
        script = "mount -t tmpfs mine /data/here && echo mounted"
        outcome = box.run(mapped(shell(script, capabilities=everything), mounts=(bind(data, "rshared"),)))
        return [outcome.out, str("mine" in Path("/proc/self/mountinfo").read_text())]

    assert in_box(box, scenario) == ["mounted\n", "False"]


# -- nothing outside


def test_its_root_has_no_power_outside(box: Box) -> None:
    """With every capability that there is in its user namespace."""
    from corral.runtime.security import capabilities

    everything = dataclasses.replace(
        CAPABILITIES, **dict.fromkeys(("bounding", "effective", "permitted"), tuple(capabilities.NUMBERS))
    )
    script = """
        mknod /tmp/disk b 8 0 2>&1 | grep -c permitted
        write() { ( echo "$1" > "$2" ) 2>/dev/null && echo "wrote $2"; }
        write 1 /proc/sysrq-trigger; write /tmp/x /proc/sys/kernel/core_pattern; write 0 /proc/sys/vm/overcommit_memory
        write -1000 /proc/self/oom_score_adj
        for file in /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do write 1 $file; done
        mount -t proc proc /tmp && umount /tmp && echo "proc is its own"
    """
    description = mapped(shell(script, capabilities=everything), linux={"masked_paths": (), "readonly_paths": ()})
    assert run(box, description) == ["1", "proc is its own"]


def test_processes_outside_can_be_neither_signalled_nor_traced(box: Box) -> None:
    """With the host's process namespace, where it sees them."""
    shared = tuple(namespace for namespace in OWN if namespace.type != "pid")

    def scenario(box: Box) -> list[str]:
        victim = os.fork()
        if victim == 0:
            signal_wait()
        script = f"""
            kill -9 {victim} 2>&1 | grep -c permitted; cat /proc/{victim}/environ 2>&1 | grep -c denied
            ls /proc/{victim}/root/ 2>&1 | grep -c denied; ls -l /proc/{victim}/fd 2>&1 | grep -c denied
        """
        outcome = box.run(mapped(shell(script), linux={"namespaces": shared}))
        alive = not is_gone(victim)
        os.kill(victim, 9)
        os.waitpid(victim, 0)
        return [outcome.out, str(alive)]

    out, alive = in_box(box, scenario)
    assert out.split() == ["1", "1", "1", "1"]
    assert alive == "True"


def signal_wait() -> None:
    import signal

    while True:
        signal.pause()


def test_cve_2016_9962_an_exec_cannot_be_reached_before_its_execve(box: Box) -> None:
    """A root with every capability watches /proc for processes that come into its namespaces, and reads what it can."""
    from corral.runtime.security import capabilities

    everything = dataclasses.replace(
        CAPABILITIES, **dict.fromkeys(("bounding", "effective", "permitted"), tuple(capabilities.NUMBERS))
    )
    watch = """
        while :; do for p in /proc/[0-9]*; do
            case $p in /proc/1|/proc/$$) continue;; esac
            e=$(readlink $p/exe) && case $e in *python*) echo "reached $e";; esac
        done; done 2>/dev/null
    """

    def scenario(box: Box) -> list[str]:
        description = mapped(shell(f"echo begun; {watch}", capabilities=everything))
        with box.running(description) as running:
            running.read_until("begun")
            codes = [box.exec(running, description, process("true")).code for _ in range(30)]
            return [str(set(codes)), str(_pending(running))]

    codes, shown = in_box(box, scenario)
    assert codes == "{0}"
    assert "reached" not in shown


def _pending(running: Running) -> str:
    fd = running._out
    os.set_blocking(fd, False)
    try:
        return os.read(fd, 1 << 16).decode()
    except BlockingIOError:
        return ""
    finally:
        os.set_blocking(fd, True)


# -- failures


def test_what_fails_outside_is_told_like_what_fails_inside(box: Box) -> None:
    mount = Mount("/data", "bind", "/no/such/source", ("rbind",))
    outcome = in_box(box, lambda box: box.run(mapped(process("true"), mounts=(mount,))))
    assert "no such file or directory" in outcome.error
    assert 'error mounting "/no/such/source"' in outcome.error
    outcome = in_box(box, lambda box: box.run(mapped(process("no-such-program"))))
    assert outcome.error == 'exec: "no-such-program": executable file not found in $PATH'


def test_nothing_is_left_of_it(box: Box, tmp_path: Path) -> None:
    def scenario(box: Box) -> list[Any]:
        before = len(os.listdir("/proc/self/fd"))
        for program in ("true", "no-such-program"):
            box.run(mapped(process(program)))
        leaked = len(os.listdir("/proc/self/fd")) - before
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
        return [leaked, str(tmp_path) in Path("/proc/self/mountinfo").read_text(), children]

    leaked, mounted, children = in_box(box, scenario)
    assert (leaked <= 0, mounted, children) == (True, False, "")


# -- time


def test_clocks_begin_where_they_are_told_to(box: Box) -> None:
    def scenario(box: Box) -> list[str]:
        import time

        offsets = {"monotonic": TimeOffset(100_000), "boottime": TimeOffset(500_000)}
        namespaces = (*NAMESPACES, Namespace("time"))
        description = spec(process("sleep", "60"), linux={"namespaces": namespaces, "time_offsets": offsets})
        with box.running(description) as running:
            more = box.exec(running, description, shell("cut -d. -f1 /proc/uptime; readlink /proc/self/ns/time"))
            name = os.readlink(f"/proc/{running.child.pid}/ns/time")
            return [more.out, more.error, str(int(time.clock_gettime(time.CLOCK_BOOTTIME))), name]

    out, error, here, name = in_box(box, scenario)
    assert error == ""
    uptime, inside = out.split()
    assert 0 <= int(uptime) - int(here) - 500_000 <= 5
    assert inside == name


def test_clocks_of_a_container_with_ids_of_its_own(box: Box) -> None:
    offsets = {"boottime": TimeOffset(500_000)}
    description = mapped(
        shell("cut -d. -f1 /proc/uptime"), linux={"namespaces": (*OWN, Namespace("time")), "time_offsets": offsets}
    )
    (uptime,) = run(box, description)
    assert int(uptime) >= 500_000


def test_a_time_namespace_is_joined_by_its_path(box: Box, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    def scenario(box: Box) -> list[str]:
        namespaces = (*NAMESPACES, Namespace("time"))
        with box.running(spec(process("sleep", "60"), linux={"namespaces": namespaces})) as donor:
            path = f"/proc/{donor.child.pid}/ns/time"
            joined = spec(
                shell("readlink /proc/self/ns/time"), linux={"namespaces": (*NAMESPACES, Namespace("time", path))}
            )
            outcome = Box(box.rootfs, tmp_path / "other", NoCgroup()).run(joined)
            return [outcome.out.strip(), os.readlink(path), outcome.error]

    inside, name, error = in_box(box, scenario)
    assert (inside, error) == (name, "")


# -- file systems that cannot map owners


def test_an_overlay_is_given_away_file_by_file(box: Box, tmp_path: Path, root: Path) -> None:
    from corral.engine.userns import storage
    from corral.oci.idmaps import IDMaps

    (root / "bin/suid").write_bytes(b"x")
    os.chown(root / "bin/suid", 0, 29)
    (root / "bin/suid").chmod(0o6755)
    maps = IDMaps(MAPS, MAPS)

    def scenario(box: Box) -> list[str]:
        storage._give_away(box.rootfs, maps, tmp_path / "scratch")
        plain = dataclasses.replace(box.rootfs[0], mapped=False)
        outcome = Box((plain,), box.bundle, NoCgroup()).run(
            mapped(shell("stat -c '%u:%g %a' / /bin/suid /tmp; touch /bin/new && echo made"))
        )
        return [outcome.out, outcome.error]

    out, error = in_box(box, scenario)
    assert error == ""
    assert out.splitlines() == ["0:0 755", "0:29 6755", "1000:1000 755", "made"]
    assert (tmp_path / "upper/bin/suid").stat().st_uid == BASE
    assert (root / "bin/suid").stat().st_uid == 0, "the layer below is as it was"


# -- bundles of other engines


def test_the_root_of_a_bundle_belongs_to_the_ids_outside(root: Path, tmp_path: Path) -> None:
    """As the specification has it: who made the bundle has given the files away; the root is bound onto itself."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    root.rename(bundle / "rootfs")
    for path in [bundle / "rootfs", *(bundle / "rootfs").rglob("*")]:
        os.chown(path, BASE, BASE, follow_symlinks=False)
    script = "stat -c %u / /etc/passwd; touch /new; id -u"
    assert run(Box((), bundle, NoCgroup()), mapped(shell(script))) == ["0", "0", "0"]
    assert (bundle / "rootfs/new").stat().st_uid == BASE
