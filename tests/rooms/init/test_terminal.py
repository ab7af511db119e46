"""Terminals: a pty of the container's own, sized before the program runs, and its controlling terminal."""

from __future__ import annotations

import os

import pytest

from corral.linux import tty
from corral.oci.runtime import ConsoleSize, User
from support.boxes import NEEDS, Box, Outcome, in_box, shell, spec

pytestmark = pytest.mark.requires(*NEEDS)


def run(box: Box, script: str, **fields: object) -> Outcome:
    outcome = in_box(box, lambda box: box.run(spec(shell(script, terminal=True, **fields))))
    assert isinstance(outcome, Outcome)
    return outcome


def test_the_terminal_has_a_name_inside_and_is_the_console(box: Box) -> None:
    outcome = run(
        box, "tty; stat -c '%t:%T %a' /dev/console; ls -1 /dev/pts; for n in 0 1 2; do readlink /proc/self/fd/$n; done"
    )
    assert outcome.lines == ["/dev/pts/0", "88:0 620", "0", "ptmx", "/dev/pts/0", "/dev/pts/0", "/dev/pts/0"]


def test_the_window_size_is_right_from_the_first_byte(box: Box) -> None:
    assert run(box, "stty size", console_size=ConsoleSize(33, 101)).lines == ["33 101"]


def test_it_is_the_controlling_terminal(box: Box) -> None:
    assert run(box, "echo to the tty > /dev/tty; ps -o pid,tty | grep '^ *1 '").lines == ["to the tty", "    1 136,0"]


def test_it_belongs_to_the_user(box: Box) -> None:
    assert run(box, "stat -c '%u %g' $(tty); echo x > /dev/console", user=User(username="bob")).lines == ["1000 5", "x"]


def test_it_can_be_resized_and_interrupted(box: Box) -> None:
    def scenario(box: Box) -> list[str]:
        script = "trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.05; done"
        running = box.start(spec(shell(script, terminal=True)))
        running.read_until("ready")
        assert running.master is not None
        tty.set_winsize(running.master, 12, 34)
        outcome = running.finish()
        return [str(outcome.code), outcome.lines[-1]]

    assert in_box(box, scenario) == ["5", "12 34"]


def test_control_c_reaches_the_foreground_group(box: Box) -> None:
    def scenario(box: Box) -> int:
        running = box.start(spec(shell("trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done", terminal=True)))
        running.read_until("ready")
        assert running.master is not None
        os.write(running.master, b"\x03")
        return running.finish().code

    assert in_box(box, scenario) == 9


def test_input_is_echoed_and_read(box: Box) -> None:
    def scenario(box: Box) -> str:
        running = box.start(spec(shell("read line; echo got $line", terminal=True)))
        assert running.master is not None
        os.write(running.master, b"hello\n")
        return running.finish().out

    assert in_box(box, scenario) == "hello\ngot hello\n"
