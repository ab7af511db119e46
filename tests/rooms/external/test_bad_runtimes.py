"""Runtimes that do not do what they should: the request fails with their words, and nothing is left."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from corral.errors import CorralError
from corral.runtime.driver import RuntimeBinary, StartError
from support import boxes
from support.native import Host, alive, eventually

pytestmark = [
    pytest.mark.requires(*boxes.NEEDS, "cgroup"),
    pytest.mark.skipif(shutil.which("runc") is None, reason="runc is not installed"),
]


def _runtime(directory: Path, script: str) -> RuntimeBinary:
    """A shell script; ``$command`` is runc's command, and runc does what is not done before the end."""
    path = directory / "runtime"
    path.write_text(
        "#!/bin/sh\n"
        'log=; command=; seen=\nfor word; do [ "$seen" = --log ] && log=$word; seen=$word; '
        'case $word in create|start|exec|delete|state) [ "$command" ] || command=$word;; esac; done\n'
        f'{script}\nexec runc "$@"\n'
    )
    path.chmod(0o755)
    return RuntimeBinary(str(path))


async def _fails(host: Host, runtime: RuntimeBinary) -> CorralError:
    request = replace(host.request("sleep 1000", log=True), runtime=runtime)
    with pytest.raises(CorralError) as caught:
        await host.driver.run(request)
    assert await host.driver.list() == []
    assert os.listdir(host.root.containers) == []
    assert request.id not in host.events.exits
    return caught.value


async def test_program_that_is_not_there(host: Host) -> None:
    error = await _fails(host, RuntimeBinary("/nowhere/runtime"))
    assert isinstance(error, StartError)
    assert (error.exit_code, error.message.endswith("/nowhere/runtime: no such file or directory")) == (127, True)


async def test_program_that_is_none(host: Host, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    error = await _fails(host, RuntimeBinary(str(tmp_path / "text")))
    assert "permission denied" in error.message


async def test_last_error_of_its_log_is_told(host: Host, tmp_path: Path) -> None:
    script = """
        echo noise; echo noise >&2
        printf '%s\\n' 'not json' '{"level":"error","msg":"first"}' '{"level":"error","msg":"it said \\"no\\""}' \
            '{"level":"info","msg":"by"}' >> $log
        exit 3
    """
    error = await _fails(host, _runtime(tmp_path, script))
    assert error.message == 'failed to create shim task: OCI runtime create failed: it said "no"'


async def test_without_a_log_its_status_is_told(host: Host, tmp_path: Path) -> None:
    assert (await _fails(host, _runtime(tmp_path, "exit 3"))).message.endswith("create failed: exit status 3")


async def test_success_without_a_process(host: Host, tmp_path: Path) -> None:
    assert (await _fails(host, _runtime(tmp_path, "exit 0"))).message == "runtime wrote no process id"


async def test_start_that_fails_takes_the_process_with_it(host: Host, tmp_path: Path) -> None:
    script = """[ $command != start ] || { echo '{"level":"error","msg":"will not"}' > $log; exit 1; }"""
    error = await _fails(host, _runtime(tmp_path, script))
    assert error.message == "OCI runtime start failed: will not"


async def test_delete_that_fails_is_done_without_it(host: Host, tmp_path: Path) -> None:
    host.runtime = _runtime(tmp_path, "[ $command != delete ] || exit 1")
    request = host.request("sleep 1000")
    state = await host.driver.run(request)
    await host.driver.delete(request.id)
    assert not alive(state.pid)
    assert os.listdir(host.root.containers) == []
    assert (await host.events.exit(request.id)).code == 137


async def test_create_that_hangs_ends_with_delete(host: Host, tmp_path: Path) -> None:
    runtime = _runtime(tmp_path, f"[ $command != create ] || {{ echo $$ > {tmp_path}/pid; exec sleep 1000; }}")
    request = replace(host.request("sleep 1000"), runtime=runtime)
    making = asyncio.ensure_future(host.driver.run(request))
    await eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    await host.driver.delete(request.id)
    with pytest.raises(StartError):
        await making
    assert not alive(int((tmp_path / "pid").read_text()))
    assert os.listdir(host.root.containers) == []


async def test_exec_that_hangs_ends_with_the_container_and_holds_nobody_up(host: Host, tmp_path: Path) -> None:
    host.runtime = _runtime(tmp_path, f"[ $command != exec ] || {{ echo $$ > {tmp_path}/pid; exec sleep 1000; }}")
    id = await host.run("sleep 1000")
    running = asyncio.ensure_future(host.exec(id, "true"))
    await eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    begin = time.monotonic()
    assert len(await host.driver.pids(id)) == 1
    assert time.monotonic() - begin < 5
    await host.driver.delete(id)
    with pytest.raises(CorralError):
        await running
    await eventually(lambda: not alive(int((tmp_path / "pid").read_text())))


async def test_it_gets_no_descriptor_of_ours_and_no_variable(host: Host, tmp_path: Path) -> None:
    script = f"[ $command != create ] || {{ ls /proc/self/fd > {tmp_path}/fds; env > {tmp_path}/env; }}"
    host.runtime = _runtime(tmp_path, script)
    other = await host.run("sleep 1000", log=True)
    assert other
    assert (tmp_path / "fds").read_text().split() == ["0", "1", "2", "3"]  # the last one is of ls
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names <= {"PATH", "HOME", "PWD", "_", "SHLVL", "OLDPWD"}


async def test_process_of_the_container_has_no_descriptor_of_ours(host: Host) -> None:
    host.runtime = RuntimeBinary("runc")
    id = await host.run("ls /proc/self/fd; sleep 1000", log=True)
    await eventually(lambda: host.logged(id).count("\n") >= 4)
    assert host.logged(id).split() == ["0", "1", "2", "3"]
