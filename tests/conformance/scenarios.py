"""Scenarios that the docker command line client plays against an engine; what Docker 28 answers is the expectation.

A scenario is a list of steps, each one invocation of ``docker``. Its outcome is the exit status and both streams with
what differs from run to run made equal (``normalise``), or, for a step that prints JSON, the shape of it: the names of
its fields and the types of their values. ``golden/docker-28.json`` holds the outcomes that Docker gave (``record.py``).

The image is called ``testbox``: busybox with a few users. Containers, volumes and images that a scenario makes are
called ``cs-...`` and are removed by ``clean`` before and after.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import Any

Outcome = dict[str, Any]

IMAGE = "testbox:latest"


@dataclass(frozen=True)
class Step:
    """``command`` is split as a shell would; ``shape``: standard output is JSON and only its shape counts."""

    command: str
    stdin: str | None = None
    shape: bool = False
    streams: bool = True


@dataclass(frozen=True)
class Scenario:
    name: str
    steps: tuple[Step, ...]


def scenario(name: str, *steps: str | Step) -> Scenario:
    return Scenario(name, tuple(step if isinstance(step, Step) else Step(step) for step in steps))


def shape(command: str) -> Step:
    return Step(command, shape=True)


def quiet(command: str) -> Step:
    """A step whose streams do not matter."""
    return Step(command, streams=False)


SCENARIOS = (
    scenario(
        "exit codes",
        "run --rm testbox true",
        "run --rm testbox false",
        "run --rm testbox sh -c 'exit 42'",
        "run --rm testbox sh -c 'kill -9 $$'",
        "run --rm testbox sh -c 'kill -TERM $$; sleep 5'",
        "run --rm testbox /no/such/program",
        "run --rm testbox nosuchprogram",
        "run --rm testbox /etc",
        "run --rm testbox /etc/passwd",
        quiet("run --rm no-such-image:v1 true"),
        "run --rm --nosuchflag testbox",
        "run --rm -w /etc/passwd testbox true",
        "run --rm -u nobodyhere testbox true",
        "run --rm -u user:nogrouphere testbox true",
    ),
    scenario(
        "streams",
        "run --rm testbox sh -c 'echo out; echo err >&2'",
        "run --rm testbox printf no-newline",
        Step("run --rm -i testbox cat", stdin="one\ntwo\nno newline"),
        Step("run --rm -i testbox wc -c", stdin="x" * 200_000),
        Step("run --rm testbox cat", stdin="is not forwarded without -i"),
        "run --rm -a stderr testbox sh -c 'echo out; echo err >&2'",
        "run --rm -t testbox sh -c 'echo tty; test -t 1 && stty size'",
        "run --rm -t testbox sh -c 'echo err >&2'",
        "run --rm testbox sh -c 'seq 1 2000 | tail -n 1'",
    ),
    scenario(
        "process",
        "run --rm -u 1000 testbox id",
        "run --rm -u user testbox id",
        "run --rm -u user:2000 testbox id",
        "run --rm -u 1234:5678 testbox id",
        "run --rm --group-add 2000 --group-add 3000 -u user testbox id",
        "run --rm -w /made/here testbox pwd",
        "run --rm -w relative testbox pwd",
        "run --rm -e A=1 -e B= testbox sh -c 'echo $A:$B:$PATH:$HOME'",
        "run --rm -e HOME=/x testbox sh -c 'echo $HOME'",
        "run --rm -u user testbox sh -c 'echo $HOME'",
        "run --rm --hostname hello testbox sh -c 'hostname; echo $HOSTNAME; grep -c hello /etc/hosts'",
        "run --rm --domainname example.test --hostname hello testbox hostname -f",
        "run --rm --entrypoint echo testbox a b",
        "run --rm --entrypoint '' testbox echo reset",
        "run --rm --ulimit nofile=100:200 testbox sh -c 'ulimit -n; ulimit -Hn'",
        'run --rm --init testbox sh -c \'cat /proc/1/cmdline | tr "\\0" " " | cut -d" " -f1\'',
        "run --rm --read-only testbox touch /x",
        "run --rm --read-only --tmpfs /t testbox touch /t/x",
        "run --rm --sysctl net.ipv4.ip_forward=1 testbox cat /proc/sys/net/ipv4/ip_forward",
        "run --rm --oom-score-adj 500 testbox cat /proc/self/oom_score_adj",
        "run --rm testbox cat /proc/self/oom_score_adj",
        "run --rm testbox umask",
        "run --rm testbox sh -c 'echo $$'",
        "run --rm testbox cat /proc/self/cgroup",
        "run --rm testbox sh -c 'ls -l /proc/self/fd | wc -l'",
    ),
    scenario(
        "security",
        "run --rm testbox grep Cap /proc/self/status",
        "run --rm --cap-drop ALL testbox grep Cap /proc/self/status",
        "run --rm --cap-drop ALL --cap-add NET_ADMIN testbox grep Cap /proc/self/status",
        "run --rm --cap-drop chown --cap-add sys_ptrace testbox grep Cap /proc/self/status",
        "run --rm -u user testbox grep Cap /proc/self/status",
        "run --rm -u user --cap-add net_admin testbox grep Cap /proc/self/status",
        "run --rm --cap-add NOSUCH testbox true",
        "run --rm testbox grep -E 'NoNewPrivs|Seccomp:' /proc/self/status",
        "run --rm --security-opt no-new-privileges testbox grep -E 'NoNewPrivs|Seccomp:' /proc/self/status",
        "run --rm --security-opt seccomp=unconfined testbox grep -E 'NoNewPrivs|Seccomp:' /proc/self/status",
        "run --rm --privileged testbox grep -E 'NoNewPrivs|Seccomp:' /proc/self/status",
        "run --rm --security-opt nosuch=1 testbox true",
        "run --rm testbox mount -t tmpfs none /tmp",
        "run --rm testbox unshare -U true",
        "run --rm testbox sh -c 'echo 1 > /proc/sys/kernel/panic'",
        "run --rm testbox sh -c 'cat /proc/kcore | wc -c; cat /proc/keys | wc -c; ls /proc/acpi | wc -l'",
        "run --rm testbox sh -c 'touch /sys/x'",
        "run --rm testbox sh -c 'mknod /tmp/sda b 8 0 && cat /tmp/sda'",
        'run --rm testbox sh -c \'ls /dev | sort | tr "\\n" " "\'',
        "run --rm -t testbox sh -c 'ls -l /dev/console | cut -c1-10'",
        "run --rm testbox sh -c 'stat -c \"%a %F\" /dev/null /dev/zero /dev/tty /dev/ptmx /dev/shm /dev/mqueue'",
        "run --rm testbox sh -c \"cut -d' ' -f5,6 /proc/self/mountinfo | grep -E '^/(proc|sys|dev)' | sort\"",
    ),
    scenario(
        "resources",
        "run --rm --memory 64m testbox cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
        "run --rm --memory 64m --memory-swap 64m testbox cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
        "run --rm --memory 1m testbox true",
        "run --rm --memory 64m --memory-swap 32m testbox true",
        "run --rm --memory-reservation 32m testbox cat /sys/fs/cgroup/memory/memory.soft_limit_in_bytes",
        "run --rm --cpu-shares 512 testbox cat /sys/fs/cgroup/cpu/cpu.shares",
        "run --rm --cpus 1.5 testbox cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us",
        "run --rm --cpus 99 testbox true",
        "run --rm --cpu-period 50000 --cpu-quota 25000 testbox cat /sys/fs/cgroup/cpu/cpu.cfs_period_us",
        "run --rm --cpuset-cpus 0 testbox cat /sys/fs/cgroup/cpuset/cpuset.cpus",
        "run --rm --cpuset-cpus 77 testbox true",
        "run --rm --pids-limit 50 testbox cat /sys/fs/cgroup/pids/pids.max",
        "run --rm --shm-size 8m testbox sh -c 'df -k /dev/shm | tail -n 1 | awk \"{print \\$2}\"'",
        "run --name cs-oom --memory 20m --memory-swap 20m testbox sh -c 'tail /dev/zero'",
        "inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' cs-oom",
        "rm cs-oom",
    ),
    scenario(
        "mounts",
        "run --rm -v cs-vol:/data testbox sh -c 'echo kept > /data/f'",
        "run --rm -v cs-vol:/data testbox cat /data/f",
        "run --rm -v cs-vol:/data:ro testbox touch /data/g",
        "volume rm cs-vol",
        "run --rm --mount type=bind,source=/no/such/dir,target=/x testbox true",
        "run --rm --mount type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=0700 testbox sh -c 'stat -c %a /t'",
        "run --rm -v relative/path:/x testbox true",
        "run --rm -v /:nope testbox true",
        "run --rm -v cs-vol:/a -v cs-other:/a testbox true",
        quiet("volume rm cs-vol cs-other"),
        "run --rm -v /etc/hostname:/host-file:ro testbox sh -c 'echo x > /host-file'",
        "run --rm --tmpfs /run:rw,noexec,size=65536k testbox grep ' /run ' /proc/mounts",
    ),
    scenario(
        "lifecycle",
        "create --name cs-life testbox sh -c 'echo started; trap \"exit 7\" TERM; while :; do sleep 0.1; done'",
        "ps -a --filter name=cs-life --format '{{.Names}} {{.Image}} {{.Status}}'",
        "start cs-life",
        "start cs-life",
        "inspect -f '{{.State.Status}} {{.State.Running}} {{.RestartCount}}' cs-life",
        "pause cs-life",
        "pause cs-life",
        "inspect -f '{{.State.Status}} {{.State.Paused}}' cs-life",
        "exec cs-life true",
        "unpause cs-life",
        "unpause cs-life",
        "rename cs-life cs-renamed",
        "rename cs-life cs-again",
        "create --name cs-renamed testbox true",
        "rm cs-renamed",
        "stop cs-renamed",
        "inspect -f '{{.State.Status}} {{.State.ExitCode}}' cs-renamed",
        "stop cs-renamed",
        "kill cs-renamed",
        "logs cs-renamed",
        "wait cs-renamed",
        "restart -t 0 cs-renamed",
        "kill -s NOSUCH cs-renamed",
        "kill -s KILL cs-renamed",
        "wait cs-renamed",
        "rm cs-renamed",
        "rm cs-renamed",
        "inspect cs-renamed",
        "start cs-renamed",
        "logs cs-renamed",
        "run --name 'bad name' testbox true",
        "run -d --rm --name cs-forced testbox sleep 100",
        "rm -f cs-forced",
        "rm -f cs-forced",
    ),
    scenario(
        "exec",
        quiet("run -d --name cs-exec -e FROM=container -w /tmp -u user testbox sleep 1000"),
        "exec cs-exec sh -c 'echo out; echo err >&2; exit 3'",
        "exec cs-exec sh -c 'echo $FROM; pwd; id -u'",
        "exec -u root -w / -e MORE=1 cs-exec sh -c 'echo $MORE; pwd; id -u'",
        Step("exec -i cs-exec cat", stdin="to exec\n"),
        "exec -t cs-exec sh -c 'test -t 0 && echo terminal'",
        "exec cs-exec nosuchprogram",
        "exec cs-exec /etc",
        "exec -w /no/such/dir cs-exec pwd",
        "exec -d cs-exec touch /tmp/detached",
        "exec --privileged -u root cs-exec grep CapEff /proc/self/status",
        "exec -u root cs-exec grep CapEff /proc/self/status",
        "exec cs-exec sh -c 'kill -9 $$'",
        "exec cs-none true",
        "top cs-exec -o pid,comm,args",
        "stop -t 0 cs-exec",
        "exec cs-exec true",
        "rm cs-exec",
    ),
    scenario(
        "logs",
        quiet("run --name cs-both testbox sh -c 'for i in 1 2 3; do echo line $i; echo error $i >&2; done'"),
        "logs cs-both",
        "rm cs-both",
        quiet("run --name cs-logs testbox sh -c 'for i in 1 2 3 4 5; do echo line $i; done; printf partial'"),
        Step("logs cs-logs"),
        "logs --tail 2 cs-logs",
        "logs --tail 0 cs-logs",
        "logs --tail nonsense cs-logs",
        "logs --since 2100-01-01T00:00:00 cs-logs",
        "logs --until 2001-01-01T00:00:00 cs-logs",
        "logs -t --tail 1 cs-logs",
        "logs -f cs-logs",
        "rm cs-logs",
    ),
    scenario(
        "restart policies",
        "run --rm --restart always testbox true",
        "run -d --restart nosuch testbox true",
        quiet("run -d --name cs-again --restart on-failure:2 testbox sh -c 'exit 5'"),
        "wait cs-again",
        "inspect -f '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' cs-again",
        quiet("rm -f cs-again"),
    ),
    scenario(
        "listing",
        quiet("create --name cs-a --label color=red testbox echo a"),
        quiet("create --name cs-b --label color=blue --label odd testbox echo b"),
        quiet("run -d --name cs-c -p 127.0.0.1:0:80 testbox sleep 1000"),
        "ps -a --filter name=cs- --format '{{.Names}} {{.Command}}'",
        "ps --filter name=cs- --format '{{.Names}}'",
        "ps -aq --filter name=cs-nothing",
        "ps -a --filter label=color --format '{{.Names}}'",
        "ps -a --filter label=color=red --format '{{.Names}} {{.Labels}}'",
        "ps -a --filter status=running --filter name=cs- --format '{{.Names}} {{.State}}'",
        "ps -a --filter status=nonsense",
        "ps -a --filter nonsense=1",
        "ps -a --filter ancestor=testbox --filter name=cs- --format '{{.Names}}'",
        "ps -n 1 --format '{{.Names}}'",
        "ps -a --filter before=cs-b --filter name=cs- --format '{{.Names}}'",
        "ps -a --filter since=cs-a --filter name=cs- --format '{{.Names}}'",
        "port cs-a",
        shape("ps -a --filter name=cs-c --format json"),
        quiet("rm -f cs-a cs-b cs-c"),
    ),
    scenario(
        "images",
        "images --format '{{.Repository}}:{{.Tag}}' testbox",
        "tag testbox cs-image:one",
        "tag testbox cs-image:two",
        "tag testbox Bad:Name",
        "tag cs-nothing cs-x",
        "images --filter reference=cs-image:* --format '{{.Repository}}:{{.Tag}}'",
        "rmi cs-image:one",
        "rmi cs-image:one",
        "rmi cs-image:two",
        "rmi cs-nothing",
        "inspect cs-nothing",
        "image inspect cs-nothing",
        quiet("create --name cs-user testbox true"),
        "rmi testbox",
        quiet("rm cs-user"),
        shape("image inspect testbox --format '{{json .}}'"),
        "history --format '{{.CreatedBy}}|{{.Comment}}' testbox",
        quiet("pull cs-nothing:v1.2"),
    ),
    scenario(
        "network modes",
        "run --rm --network none testbox sh -c 'ip -o link | wc -l; ip -o link show lo | grep -c LOOPBACK,UP'",
        "run --rm --network nosuch testbox true",
        "run --rm testbox sh -c 'ip -o -4 addr show eth0 | wc -l; ip route | grep -c default'",
        "run --rm --network host testbox sh -c 'test -e /sys/class/net/eth0; echo $?'",
        "run --rm --add-host there:10.1.2.3 testbox grep there /etc/hosts",
        "run --rm --dns 10.9.8.7 --dns-search example.test testbox cat /etc/resolv.conf",
        quiet("run -d --name cs-net --hostname shared testbox sleep 1000"),
        "run --rm --network container:cs-net testbox hostname",
        "run --rm --network container:cs-none testbox true",
        "run --rm --pid container:cs-net testbox sh -c 'ps -o args | grep -c \"[s]leep 1000\"'",
        "run --rm --ipc container:cs-net testbox true",
        quiet("rm -f cs-net"),
        "run --rm -p 99999:80 testbox true",
        "run --rm -p nonsense testbox true",
    ),
    scenario(
        "shapes",
        quiet("run -d --name cs-shape -v cs-vol:/v -e A=b --label l=v testbox sleep 1000"),
        shape("inspect cs-shape"),
        shape("info --format '{{json .}}'"),
        shape("version --format '{{json .}}'"),
        shape("volume inspect cs-vol"),
        shape("network inspect bridge"),
        shape("system df --format '{{json .}}'"),
        "network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'",
        quiet("rm -f cs-shape"),
        quiet("volume rm cs-vol"),
    ),
    scenario(
        "stats",
        quiet("create --name cs-rest testbox true"),
        "stats --no-stream cs-rest",
        "stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.MemPerc}} {{.PIDs}}' cs-rest",
        quiet("run -d --name cs-busy -m 64m --network none testbox sleep 1000"),
        "stats --no-stream --format '{{.Name}} {{.PIDs}} {{.NetIO}}' cs-busy",
        shape("stats --no-stream --format json cs-busy"),
        "stats --no-stream cs-busy cs-nothing",
        "stats cs-nothing",
        quiet("rm -f cs-rest cs-busy"),
    ),
    scenario(
        "top",
        quiet("run -d --name cs-top testbox sleep 1000"),
        "top cs-top -o pid,comm,args",
        "top cs-top -o comm",
        "top cs-top -o pid,comm=PID",
        "top cs-top -o nosuchcolumn",
        "top cs-top --nosuchoption",
        "top cs-nothing",
        quiet("rm -f cs-top"),
    ),
    scenario(
        "devices",
        "run --rm --device /dev/fuse:/dev/mine testbox stat -c '%a %F %t:%T' /dev/mine",
        "run --rm --device /dev/fuse:/dev/mine:r testbox sh -c ': < /dev/mine && echo readable; : > /dev/mine'",
        "run --rm --device /dev/net testbox ls /dev/net",
        "run --rm --device /dev/zero:/etc/zero testbox stat -c %t:%T /etc/zero",
        "run --rm --device /dev/nosuch testbox true",
        "run --rm --device /etc/passwd testbox true",
        "run --rm --device /dev/null:relative testbox true",
        "run --rm --device /dev/null:/dev/x:q testbox true",
        "run --rm --privileged --device /dev/zero:/dev/mine testbox stat -c %t:%T /dev/mine",
        "run --rm testbox sh -c 'mknod /dev/k c 10 229; : < /dev/k'",
        "run --rm testbox sh -c 'mknod /dev/k c 10 200 && : < /dev/k && echo tun'",
        "run --rm --device-cgroup-rule 'c 10:229 r' testbox sh -c 'mknod /dev/k c 10 229; : < /dev/k && echo opened'",
        "run --rm --device-cgroup-rule 'c 10' testbox true",
        "run --rm --device vendor.com/class=nosuch --device vendor.com/class=other testbox true",
        "run --rm --device-read-bps /dev/nosuch:1m testbox true",
        "run --rm --device-read-bps nonsense testbox true",
        "create --name cs-cdi --device vendor.com/class=nosuch testbox true",
        "inspect -f '{{json .HostConfig.DeviceRequests}}' cs-cdi",
        "start cs-cdi",
        "rm cs-cdi",
    ),
    scenario(
        "events",
        quiet("run --name cs-ev testbox true"),
        quiet("rm cs-ev"),
        quiet("run --rm testbox sleep 1.1"),
        "events --since 60s --until 0s --filter container=cs-ev --format '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}'",  # noqa: E501
        "events --since 60s --until 0s --filter type=nonsense --format '{{.Action}}'",
    ),
    scenario(
        "changes",
        "run --name cs-new testbox touch /new",
        "diff cs-new",
        "container diff cs-new",
        "run --name cs-gone testbox rm /etc/group",
        "run --name cs-mode testbox chmod 700 /var",
        "diff cs-mode",
        "run --name cs-same testbox sh -c 'touch /x; rm /x'",
        "diff cs-same",
        "diff nosuch",
        "diff",
        "export nosuch",
        "export -o /nonexistent/x cs-new",
        "export -o /tmp cs-new",
    ),
    scenario(
        "commit",
        "run --name cs-made --label a=b --env A=1 --user 5 --workdir /var testbox touch /tmp/new",
        quiet("commit -a me -m 'a comment' -c 'ENV B=2' -c 'CMD [\"cat\"]' -c 'EXPOSE 80' cs-made cs-image:one"),
        "image inspect -f '{{json .Config}} {{.Author}} {{.Comment}} {{len .RootFS.Layers}}' cs-image:one",
        "history --format '{{.CreatedBy}} {{.Size}} {{.Comment}}' cs-image:one",
        "run --rm cs-image:one stat -c '%u %a %s' /tmp/new",
        quiet("commit cs-made cs-image"),
        "image inspect -f '{{json .Config}}' cs-image",
        "create --name cs-empty testbox true",
        quiet("commit cs-empty cs-image:empty"),
        "image inspect -f '{{len .RootFS.Layers}} {{.Size}}' cs-image:empty",
        "commit nosuch cs-image:x",
        "commit cs-made UPPER",
        "commit cs-made cs-image:a:b",
        "commit -c 'RUN x' cs-made cs-image:x",
        "commit -c 'ENV' cs-made cs-image:x",
        "commit -c '' cs-made cs-image:x",
        "commit",
        "run -d --name cs-up testbox sleep 1000",
        "pause cs-up",
        quiet("commit cs-up cs-image:paused"),
        "inspect -f '{{.State.Status}}' cs-up",
        "unpause cs-up",
        quiet("commit cs-up cs-image:running"),
        "inspect -f '{{.State.Status}}' cs-up",
    ),
    scenario(
        "copy",
        "run --name cs-before testbox sh -c 'mkdir -p /a/b; echo hi > /a/b/f; ln -s /a/b /l; "
        "ln -s /nowhere /broken; ln -s loop /loop'",
        quiet("commit cs-before cs-before"),
        quiet("run -d --name cs-files cs-before sleep 1000"),
        "cp cs-files:/nosuch -",
        "cp cs-files:/a/b/f/ -",
        "cp cs-files:/loop/x -",
        "cp nosuch:/a -",
        "cp a b",
        "cp cs-files:/a cs-files:/b",
        "cp cs-files:/a",
        "cp cs-files:/a /nonexistent/x",
        "cp /nonexistent cs-files:/a",
        quiet("cp /etc/hostname cs-files:/new/"),  # the client may log that it was writing
        quiet("cp /etc cs-files:/a/b/f"),  # the client may log that it was writing
        "cp /etc/hostname nosuch:/a",
        "cp /etc/hostname cs-files:/nosuch/x",
        "cp - cs-files:/nosuch",
        "cp - cs-files:/a/b/f",
        Step("cp - cs-files:/a", stdin="garbage"),
        "cp -q /etc/hostname cs-files:/a/b",
        "cp -q /etc/hostname cs-files:/l",
        "cp -q /etc/hostname cs-files:/a/renamed",
        "cp /etc/hostname cs-files:/broken/x",
        "kill cs-files",
        "cp -q /etc/hostname cs-files:/a/later",
        quiet('commit -c \'CMD ["find","/a","/l"]\' cs-files cs-copied'),
        "run --rm cs-copied",
        "create --name cs-ro --read-only testbox true",
        "cp -q /etc/hostname cs-ro:/x",
    ),
)


def play(steps: tuple[Step, ...], url: str) -> list[Outcome]:
    """The outcomes of the steps against the engine at ``url``."""
    return [_play(step, url) for step in steps]


def clean(url: str) -> None:
    """Removes what scenarios make."""
    for listing, removal in (
        ("ps -aq --filter name=cs-", "rm -f -v"),
        ("volume ls -q --filter name=cs-", "volume rm"),
        ("images -q --filter reference=cs-*", "rmi -f"),
    ):
        if found := _docker(url, listing).stdout.decode().split():
            _docker(url, f"{removal} {' '.join(found)}")


def _docker(url: str, command: str, stdin: str | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["docker", "-H", url, *shlex.split(command)],
        input=stdin.encode() if stdin is not None else b"",
        capture_output=True,
        timeout=60,
        check=False,
    )


def _play(step: Step, url: str) -> Outcome:
    done = _docker(url, step.command, step.stdin)
    outcome: Outcome = {"command": step.command, "code": done.returncode}
    if step.shape and done.returncode == 0:
        outcome["shape"] = _shape(json.loads(done.stdout.splitlines()[0] if b"\n{" in done.stdout else done.stdout))
    elif step.streams:
        outcome["stdout"] = normalise(done.stdout.decode(errors="replace"))
        outcome["stderr"] = normalise(done.stderr.decode(errors="replace"))
    return outcome


_NORMALISERS = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?"), "<time>"),
    (re.compile(r"(Up|About|Exited \(\d+\)) [a-z0-9 ]*(second|minute)s?( ago)?"), r"\1 <time>"),
    (re.compile(r"^\d+ +(?=sleep )", re.MULTILINE), "<pid> "),
    (re.compile(r"/var/lib/docker[^ ]*|/tmp/peers/docker[^ :]*|/tmp/ct[0-9a-f]{6}-[^ :]*"), "<path>"),
)


def normalise(text: str) -> str:
    """What differs from run to run made equal: ids, times, durations, the engine's directories."""
    for pattern, word in _NORMALISERS:
        text = pattern.sub(word, text)
    return text


def _shape(value: Any) -> Any:
    """Names and types; a list is the shape of its first element, a map with free keys is kept as its keys are."""
    if isinstance(value, dict):
        return {normalise(key): _shape(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return {bool: "bool", int: "number", float: "number", str: "string", type(None): "null"}[type(value)]
