"""top: what ps said, reduced to a container's processes."""

from __future__ import annotations

import pytest

from corral.engine.container.top import parse
from corral.errors import Conflict, Internal, Invalid
from unit.engine.fakes import World

LISTING = """UID        PID  PPID  C STIME TTY          TIME CMD
root         1     0  0 10:00 ?        00:00:01 /sbin/init  splash
root        42     1  0 10:01 ?        00:00:00 sleep   1000

root        43     1  0 10:01 ?        00:00:00 sleep 1
"""


def test_only_the_containers_processes_and_the_last_column_takes_the_rest() -> None:
    found = parse(LISTING, {42, 43})
    assert found.titles == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert found.processes == [
        ["root", "42", "1", "0", "10:01", "?", "00:00:00", "sleep 1000"],
        ["root", "43", "1", "0", "10:01", "?", "00:00:00", "sleep 1"],
    ]


def test_a_column_without_a_title_belongs_to_the_one_before() -> None:
    assert parse("    PID\n     42 sleep 1000\n", {42}).processes == [["42 sleep 1000"]]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("COMMAND\nsleep\n", "Couldn't find PID field in ps output"),
        ("", "Couldn't find PID field in ps output"),
        ("PID COMMAND\nsleep 42\n", "Unexpected pid 'sleep': invalid syntax"),
    ],
)
def test_without_process_ids_there_is_nothing_to_show(output: str, message: str) -> None:
    with pytest.raises(Internal) as raised:
        parse(output, {42})
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("arguments", "said"),
    [("-o comm=PID", "comm=PID"), ("-o pid=PID,comm=PIDS", "pid=PID,comm=PIDS"), ("-o pid,comm = PID", "=PID")],
)
async def test_another_column_cannot_pretend_to_be_the_process_id(world: World, arguments: str, said: str) -> None:
    await world.run("web")
    with pytest.raises(Invalid) as raised:
        await world.service.top("web", arguments)
    assert str(raised.value) == f'specifying "{said}" is not allowed'


async def test_arguments_are_not_for_a_shell_and_errors_are_one_line(world: World) -> None:
    await world.run("web")
    for arguments in ("-o 'pid", "--nosuchoption", "-o pid;id"):
        with pytest.raises(Internal) as raised:
            await world.service.top("web", arguments)
        assert str(raised.value).startswith("ps: error: ")
        assert "\n" not in str(raised.value)


async def test_a_container_without_processes_has_no_top(world: World) -> None:
    id = await world.create("web")
    with pytest.raises(Conflict, match=f"container {id} is not running"):
        await world.service.top("web", "")
