"""corral's command line and docker's, typed the same against one Docker engine: same output, same exit codes.

Both clients talk to Docker, so that every difference is the client's. What must differ is normalised: the program's name,
ids of containers that each client made for itself, times.
"""

# ruff: noqa: E501 - command lines are data

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from support.needs import PEER_DOCKER

pytestmark = pytest.mark.requires("docker-peer")

CORRAL = (sys.executable, "-m", "corral.cli.main")
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "DOCKER_API_VERSION": "1.50",  # docker's own; some answers differ by version
    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
}
Answer = tuple[int, str, str]
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def worker_mark(mark: str) -> str:
    """Workers of one run share the engine: their objects have different names."""
    return f"{mark}{WORKER}"


def run(client: Sequence[str], arguments: Sequence[str], *, stdin: str = "") -> Answer:
    done = subprocess.run(
        [*client, "-H", PEER_DOCKER, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env=ENVIRONMENT,
    )
    return done.returncode, done.stdout, done.stderr


def docker(*arguments: str, stdin: str = "") -> Answer:
    return run(("docker",), arguments, stdin=stdin)


def corral(*arguments: str, stdin: str = "") -> Answer:
    return run(CORRAL, arguments, stdin=stdin)


def in_dockers_words(text: str) -> str:
    """corral's text with docker's name in it. Docker's misprint "SRun" and its missing flags of old are its own."""
    text = re.sub(r"\bcorral\b", "docker", text.replace("the corral daemon", "the Docker daemon"))
    return text.replace("SRun '", "Run '")


def times(text: str) -> str:
    """Ages change between two calls: they are compared for their form."""
    text = re.sub(
        r"(Less than a second|About a minute|About an hour|\d+ (second|minute|hour|day|week)s?)( ago)?", "AGE", text
    )
    return re.sub(r" {2,}", "  ", text)


def same(arguments: Sequence[str], *, stdin: str = "") -> None:
    wanted = docker(*arguments, stdin=stdin)
    given = corral(*arguments, stdin=stdin)
    assert times(in_dockers_words(given[2])) == times(in_dockers_words(wanted[2]))
    assert times(in_dockers_words(given[1])) == times(wanted[1])
    assert given[0] == wanted[0]


@pytest.fixture(scope="module")
def names(mark: str, busybox: Path) -> Iterator[dict[str, str]]:
    """Objects in the Docker engine that no test changes: an image, a running and a created container, a volume."""
    mark, port = worker_mark(mark), 18000 + 100 * WORKER
    made = {name: f"{mark}-{name}" for name in ("running", "created", "exited", "volume")}
    made["image"] = f"{mark}:1"
    docker("import", "-c", 'CMD ["sh"]', "-c", "ENV A=b", "-m", "for parity", str(busybox), made["image"])
    docker("volume", "create", "--label", "a=b", made["volume"])
    docker(
        "run", "-d", "--name", made["running"], "-p", f"127.0.0.1:{port}:80", "-p", f"127.0.0.1:{port + 10}-{port + 12}:18090-18092",
        "--expose", "99", "-v", f"{made['volume']}:/data", "-e", "X=y z", "-l", "com.example.some-key=v",
        "-l", "b=c", "--health-cmd", "true", "--health-interval", "1h", "-m", "64m", made["image"], "sh", "-c",
        "echo out; echo err >&2; exec sleep 1000",
    )  # fmt: skip
    docker("create", "--name", made["created"], "--network", "none", made["image"], "true")
    docker("run", "--name", made["exited"], "--network", "none", made["image"], "sh", "-c", "exit 3")
    yield made
    docker("rm", "-fv", *(made[name] for name in ("running", "created", "exited")))
    docker("volume", "rm", "-f", made["volume"])
    docker("rmi", "-f", made["image"])


READS = """
ps -a --filter name={mark}-
ps -aq --filter name={mark}- --no-trunc
ps -a --no-trunc -s --filter name={mark}-
ps --filter name={mark}- --format json
ps -a --filter name={mark}- --format {{{{json|.}}}}
ps -a --filter name={mark}- --format {{{{.Names}}}}:{{{{.State}}}}:{{{{.Ports}}}}:{{{{.Mounts}}}}:{{{{.Networks}}}}
ps -a --filter name={mark}- --format table|{{{{.ID}}}}\\t{{{{.Label|"com.example.some-key"}}}}\\t{{{{upper|.Image}}}}\\t{{{{.Size}}}}
ps -a --filter name={mark}- --format raw
ps -q --filter name={mark}- --format raw
ps -a --filter name={mark}- --format {{{{.LocalVolumes}}}}{{{{.Labels}}}}{{{{printf|"%-10s|"|.Names}}}}{{{{truncate|.ID|4}}}}
ps -a --filter name={mark}- --filter status=exited
ps -n 1 -a --filter name={mark}-
ps --filter bogus=1
ps --filter bogus
ps --format {{{{.Nope}}}}
ps --format {{{{.ID.Nope}}}}
ps --format {{{{.ID
ps --format {{{{nope|.ID}}}}
ps --format {{{{if|.ID}}}}x
ps --format {{{{.ID}}}}{{{{end}}}}
ps --format {{{{/*|c|*/}}}}x{{{{-|.Nope|-}}}}y
ps --format {{{{"unterminated}}}}
ps --format {{{{len|.ID}}}}|{{{{len|3}}}} --filter name={mark}-
ps --format {{{{index|.ID|99}}}} --filter name={mark}-
ps --format {{{{eq|.ID|1}}}} --filter name={mark}-
ps --last
ps -n abc
ps --all=maybe
ps --nope
ps -aqx
ps extra
stats --no-stream {created} {exited}
stats --no-stream --no-trunc {created}
stats --no-stream --format table {created}
stats --no-stream --format raw {created}
stats --no-stream --format {{{{.Container}}}}:{{{{.ID}}}}:{{{{.Name}}}}:{{{{.CPUPerc}}}}:{{{{.MemUsage}}}}:{{{{.MemPerc}}}}:{{{{.NetIO}}}}:{{{{.BlockIO}}}}:{{{{.PIDs}}}} {created}
stats --no-stream --format table|{{{{.Name}}}}|{{{{.Container}}}} {exited}
stats --no-stream --format {{{{.Nope}}}} {created}
stats --no-stream --format {{{{.ID {created}
stats --no-stream nosuch {created}
stats --no-stream nosuch another
stats nosuch
stats --nope
images {image}
images --digests --no-trunc {image}
images -q {image}
images {image} --format json
images {image} --format {{{{.Repository}}}}-{{{{.Tag}}}}-{{{{.ID}}}}-{{{{.Size}}}}-{{{{.VirtualSize}}}}-{{{{.CreatedAt}}}}
images {image} --format table|{{{{.ID}}}}\\t{{{{.Digest}}}}
images a b
images -q --format {{{{.Tag}}}} {image}
save -o /tmp {image}
run --rm -v :/x {image} true
history {image}
history --no-trunc {image}
history -q --no-trunc {image}
history -H=false {image}
history {image} --format json
history nope-{mark}
inspect {running}
inspect {image}
inspect {volume}
inspect bridge
inspect nope-{mark}
inspect {running} nope-{mark} {created}
inspect --type image {running}
inspect -s -f {{{{.SizeRootFs}}}} {running}
inspect -f json {running}
inspect -f {{{{.State.Status}}}}|{{{{.State.ExitCode}}}}|{{{{.Config.Env}}}}|{{{{.Config.Cmd}}}} {running}
inspect -f {{{{.Id}}}}{{{{.Name}}}} {running} {exited}
inspect -f {{{{.ID}}}} {running}
inspect -f {{{{if|.State.Health}}}}{{{{.State.Health.Status}}}}{{{{else}}}}none{{{{end}}}} {created}
inspect -f {{{{.NetworkSettings.Ports}}}} {running}
inspect -f {{{{.HostConfig.RestartPolicy}}}}{{{{.Mounts}}}}{{{{.HostConfig.Binds}}}}{{{{.Config.Volumes}}}} {running}
inspect -f {{{{.HostConfig.PidsLimit}}}}{{{{.State.Health}}}}{{{{.Config.Healthcheck}}}}{{{{.Config.Labels.nope}}}} {created}
inspect -f {{{{index|.Config.Labels|"nope"}}}}|{{{{index|.Config.Labels|"b"}}}}|{{{{json|.Config.Labels}}}} {running}
inspect -f {{{{json|.NetworkSettings.Ports}}}}{{{{json|.HostConfig.Binds}}}}{{{{json|.State.Health}}}} {created}
inspect -f {{{{range|$k,$v:=.NetworkSettings.Networks}}}}{{{{$k}}}}={{{{$v.IPPrefixLen}}}};{{{{end}}}} {running}
inspect -f {{{{range|$i,$e:=.Config.Env}}}}{{{{if|$i}}}},{{{{end}}}}{{{{$e}}}}{{{{else}}}}none{{{{end}}}} {running}
inspect -f {{{{range|.HostConfig.Links}}}}x{{{{else}}}}none{{{{end}}}} {running}
inspect -f {{{{with|.Config}}}}{{{{.Image}}}}{{{{end}}}}{{{{with|.State.Error}}}}x{{{{else}}}}ok{{{{end}}}} {running}
inspect -f {{{{join|.Config.Cmd|"+"}}}}|{{{{upper|.Name}}}}|{{{{split|.Config.Image|":"}}}}|{{{{title|"a|b"}}}}|{{{{pad|"x"|1|2}}}}. {running}
inspect -f {{{{and|.State.Running|(not|.State.Paused)}}}}{{{{or|.Nope|1}}}} {running}
inspect -f {{{{and|.State.Running|(not|.State.Paused)}}}}{{{{or|""|"x"}}}}{{{{gt|2|1}}}}{{{{le|2|1}}}} {running}
inspect -f {{{{(index|.Mounts|0).Type}}}}{{{{len|.Mounts}}}}{{{{slice|.Name|0|3}}}} {running}
inspect -f {{{{println|.Name|1|true}}}}{{{{print|1|2|"a"|"b"}}}}{{{{printf|"%q|%v|%d|%5s|%t"|.Name|.Config.Env|3|"x"|true}}}} {running}
inspect -f {{{{$x:=.Name}}}}{{{{if|eq|$x|"/a"|"/b"}}}}1{{{{else|if|ne|$x|"c"}}}}2{{{{end}}}}{{{{$x}}}} {running}
inspect -f {{{{define|"t"}}}}<{{{{.}}}}>{{{{end}}}}{{{{template|"t"|.Name}}}} {running}
inspect -f {{{{range|.Config.Env}}}}{{{{if|eq|.|"A=b"}}}}{{{{continue}}}}{{{{end}}}}{{{{.}}}}{{{{break}}}}{{{{end}}}} {running}
inspect -f {{{{.State.Nope}}}} {running}
inspect -f {{{{.Nope.Nope}}}} {running}
inspect -f {{{{.Name.Nope}}}} {running}
inspect -f {{{{index|.Mounts|7}}}} {running}
inspect -f {{{{nope}}}} {running}
inspect -f {{{{.Created {running}
inspect -f {{{{range}}}} {running}
inspect -f {{{{if}}}}x{{{{end}}}} {running}
inspect -f {{{{$x}}}} {running}
inspect -f {{{{.A}}}}|{{{{end}}}} {running}
inspect -f {{{{.Created|.}}}} {running}
inspect -f {{{{(1}}}} {running}
inspect -f {{{{1)}}}} {running}
inspect -f {{{{"a"|b}}}} {running}
inspect -f {{{{.Os}}}}{{{{.ID}}}}{{{{.RepoTags}}}}{{{{.RootFS.Layers}}}}{{{{.Comment}}}}{{{{.Size}}}} {image}
inspect -f {{{{.Id}}}}{{{{.Config.Env}}}} {image}
image inspect -f {{{{.Architecture}}}} {image} nope-{mark}
network inspect bridge
network inspect -f {{{{.Name}}}}{{{{.ID}}}}{{{{.Created}}}}{{{{(index|.IPAM.Config|0).Subnet}}}}{{{{.Options}}}} bridge
network inspect nope-{mark}
network ls --filter driver=bridge
network ls --no-trunc --filter name=none
network ls --format json --filter name=none
network ls -q --filter name=none
volume inspect {volume}
volume inspect -f {{{{.Name}}}}{{{{.Labels}}}}{{{{.Options}}}}{{{{.Mountpoint}}}} {volume}
volume inspect nope-{mark}
volume ls --filter name={volume}
volume ls -q --filter name={volume}
volume ls --format json --filter name={volume}
volume ls --format table|{{{{.Name}}}}\\t{{{{.Label|"a"}}}} --filter name={volume}
volume rm nope-{mark}
container inspect nope-{mark}
container ls -aq --filter name={mark}-
container list -aq --filter name={mark}-
container nope
network nope
port {running}
port {running} 80
port {running} 80/udp
port {running} nope
port nope-{mark}
top {running} -o pid,comm
top {running}
top {created}
logs {running}
logs -t {exited}
logs -n 1 {running}
logs --since 1h --until 1m {exited}
logs --since nope {running}
logs nope-{mark}
logs
wait {exited}
wait {exited} nope-{mark}
events --since 0 --until 1
events --since nope
events --filter nope
events --until 0s --since 10m --filter container={exited}
events --until 0s --since 10m --filter container={exited} --format {{{{.ID}}}}{{{{.Action}}}}{{{{.Time}}}}{{{{.Actor.Attributes.name}}}}{{{{.From}}}}
events --until 0s --since 10m --filter container={exited} --format {{{{.}}}}
events --until 0s --since 10m --filter container={exited} --format {{{{.Nope}}}}
version -f {{{{.Server.Version}}}}{{{{.Server.APIVersion}}}}{{{{.Server.Os}}}}{{{{(index|.Server.Components|0).Name}}}}
version -f {{{{.Nope}}}}
version -f {{{{.Nope
info -f {{{{.ServerVersion}}}}{{{{.OSType}}}}{{{{.NCPU}}}}{{{{.Plugins}}}}{{{{.SecurityOptions}}}}{{{{json|.Runtimes}}}}{{{{.Swarm.LocalNodeState}}}}
info -f {{{{.Nope}}}}
system df --format {{{{.Type}}}}
exec {running} echo x
exec {running} sh -c echo|o;echo|e>&2;exit|7
exec -e A=1 -w /tmp -u 1:2 {running} sh -c echo|$A|$PWD;id|-u;id|-g
exec {running} nope
exec {running} /etc
exec {created} true
exec nope-{mark} true
exec {running}
exec -it {running} true
exec -d {running} true
attach {created}
attach nope-{mark}
start {running}
start nope-{mark}
start -a {running} {created}
stop nope-{mark}
stop -t x nope
kill -s NOPE {running}
kill {created}
kill nope-{mark}
restart nope-{mark}
pause {created}
unpause {running}
rm nope-{mark} nope2-{mark}
rm {running}
rmi nope-{mark}
rename nope-{mark} x
rename {running} {running}
rename {running}
update {created}
update -m 1x {created}
update -m 32m nope-{mark}
tag nope-{mark} x
tag {image} Upper/Case
tag {image} x:y:z
tag {image}
save nope-{mark}
save -o /nonexistent/x {image}
load -i /nonexistent
import /nonexistent
import {image} Upper
run
run -it {image} true
run --name {running} {image} true
run --rm {image} nope
run --rm {image} /etc/passwd
run --rm {image} /nope
run --rm {image} sh -c echo|o;echo|e>&2;exit|5
run --rm {image} sh -c kill|-9|$$
run --rm {image} sh -c kill|-TERM|$$
run --rm -e B=c -e A= --label x=y -w /tmp -u 12:34 -h hh --network none {image} sh -c env;pwd;id;hostname
run --rm --entrypoint echo {image} a b
run --rm --pull never nope-{mark}
run --rm --restart always {image}
run -d --rm -a stdout {image}
run --rm -v /a:/b:/c:/d {image} true
run --rm --network nope-{mark} {image} true
nope
ps --help --nope
"""


def _cases() -> list[str]:
    return [line for line in READS.strip().split("\n") if line]


@pytest.mark.parametrize("line", _cases())
def test_same_answer(line: str, names: dict[str, str], mark: str) -> None:
    words = line.format(mark=worker_mark(mark), **names).split(" ")
    same([word.replace("|", " ").replace("\\t", "\t") for word in words])


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (["run", "-i", "--rm", "{image}", "cat"], "one\ntwo\n"),
        (["run", "-i", "--rm", "-a", "stdin", "-a", "stdout", "{image}", "cat"], "one\n"),
        (["run", "--rm", "-a", "stderr", "{image}", "sh", "-c", "echo o; echo e >&2"], ""),
        (["run", "--rm", "{image}", "cat"], "not seen\n"),
        (["exec", "-i", "{running}", "cat"], "x" * 300_000),
        (["exec", "{running}", "cat"], "not seen"),
        (["import", "-", "Upper"], ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_same_with_input(arguments: list[str], stdin: str, names: dict[str, str]) -> None:
    same([argument.format(**names) for argument in arguments], stdin=stdin)


@pytest.mark.parametrize("client", [("docker",), CORRAL], ids=["docker", "corral"])
def test_a_life_of_a_container(client: Sequence[str], names: dict[str, str], mark: str, tmp_path: Path) -> None:
    """The same story told by both clients, with the state in between."""
    name = f"{worker_mark(mark)}-life"
    id_file = tmp_path / "id"

    def told(*arguments: str) -> Answer:
        return run(client, arguments)

    code, out, _ = told("create", "--name", name, "--cidfile", str(id_file), names["image"], "sleep", "1000")
    assert code == 0
    container_id = out.strip()
    try:
        assert re.fullmatch("[0-9a-f]{64}", container_id)
        assert id_file.read_text() == container_id
        assert "container ID file found" in told("create", "--cidfile", str(id_file), names["image"])[2]
        assert told("start", name) == (0, f"{name}\n", "")
        assert told("pause", name) == (0, f"{name}\n", "")
        assert told("inspect", "-f", "{{.State.Status}}", name)[1] == "paused\n"
        assert told("unpause", name) == (0, f"{name}\n", "")
        assert told("rename", name, f"{name}2") == (0, "", "")
        assert told("rename", f"{name}2", name) == (0, "", "")
        assert told("update", "-m", "64m", "--memory-swap", "64m", name) == (0, f"{name}\n", "")
        assert told("restart", "-t", "0", name) == (0, f"{name}\n", "")
        assert told("stop", "-t", "0", name) == (0, f"{name}\n", "")
        assert told("wait", name) == (0, "137\n", "")
        assert told("start", "-a", name, "nope")[0] == 1
        assert told("kill", name)[0] == 1
    finally:
        assert told("rm", "-f", name)[0] == 0


@pytest.mark.parametrize("client", [("docker",), CORRAL], ids=["docker", "corral"])
def test_images_travel(client: Sequence[str], names: dict[str, str], mark: str, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    name = f"{worker_mark(mark)}-travel:2"
    try:
        assert run(client, ["tag", names["image"], name]) == (0, "", "")
        assert run(client, ["save", "-o", str(archive), name]) == (0, "", "")
        assert run(client, ["rmi", name]) == (0, f"Untagged: {name}\n", "")
        assert run(client, ["load", "-i", str(archive)]) == (0, f"Loaded image: {name}\n", "")
    finally:
        assert run(client, ["rmi", name])[0] == 0
