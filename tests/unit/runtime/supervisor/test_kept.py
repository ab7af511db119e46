"""The table of descriptors that outlive a supervisor."""

from __future__ import annotations

import os

from corral.runtime.supervisor.kept import BATCH, Kept


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def new() -> int:
    return os.open(os.devnull, os.O_RDONLY)


def test_drop_closes_what_is_known_by_the_name_and_below() -> None:
    kept = Kept()
    fds = {name: new() for name in ("A/stdout", "A/E/stdout", "AB/stdout")}
    for name, fd in fds.items():
        kept.keep(name, fd)
    kept.drop("A/E")
    assert [is_open(fd) for fd in fds.values()] == [True, False, True]
    kept.drop("A")
    assert [is_open(fd) for fd in fds.values()] == [False, False, True]
    kept.close()
    assert not is_open(fds["AB/stdout"])


def test_second_one_of_a_name_replaces_the_first() -> None:
    kept = Kept()
    first, second = new(), new()
    kept.keep("A/console", first)
    kept.keep("A/console", second)
    assert (is_open(first), is_open(second)) == (False, True)
    assert kept.take("A/console") == second
    assert kept.take("A/console") is None
    os.close(second)


def test_messages_carry_everything_in_batches() -> None:
    kept, copy = Kept(), Kept()
    for number in range(BATCH + 5):
        kept.keep(f"{number}/stdout", new())
    messages = list(kept.messages())
    assert [len(fds) for _, fds in messages] == [BATCH, 5]
    for message, fds in messages:
        copy.receive(message, [os.dup(fd) for fd in fds])
    assert len(copy) == BATCH + 5
    kept.close()
    copy.close()


def test_malformed_message_closes_its_descriptors() -> None:
    kept = Kept()
    fd = new()
    kept.receive({"keep": "x", "drop": 3}, [fd])
    assert not is_open(fd)
    assert len(kept) == 0
