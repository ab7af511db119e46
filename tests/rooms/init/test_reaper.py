"""``--init``: the built-in process 1."""

from __future__ import annotations

import json
import signal

import pytest

from corral.oci.annotations import REAPER
from corral.oci.runtime import Process, User
from support.boxes import NEEDS, Box, Outcome, in_box, process, shell, spec

pytestmark = pytest.mark.requires(*NEEDS)

SHOWN = {REAPER: json.dumps(["/sbin/docker-init", "--", "program"])}


def run(box: Box, first: Process) -> Outcome:
    outcome = in_box(box, lambda box: box.run(spec(first, annotations=SHOWN)))
    assert isinstance(outcome, Outcome)
    return outcome


def test_process_one_is_the_reaper_and_the_program_its_child(box: Box) -> None:
    outcome = run(box, shell("tr '\\0' ' ' < /proc/1/cmdline; echo; grep ^Name /proc/1/status; echo $PPID"))
    assert outcome.lines == ["/sbin/docker-init -- program ", "Name:\tdocker-init", "1"]


def test_exit_codes_are_passed_on(box: Box) -> None:
    assert run(box, shell("exit 42")).code == 42
    assert run(box, shell("kill -9 $$")).code == 137
    assert run(box, shell("kill -TERM $$")).code == 143


def test_orphans_are_reaped(box: Box) -> None:
    script = (
        "for n in 1 2 3 4 5; do (true & exec true); done; sleep 0.3; ps -o stat | grep -c Z; ls -d /proc/[0-9]* | wc -l"
    )
    outcome = run(box, shell(script))
    assert outcome.lines[0] == "0"
    assert int(outcome.lines[1]) <= 4


def test_signals_are_forwarded(box: Box) -> None:
    def scenario(box: Box) -> int:
        running = box.start(
            spec(shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"), annotations=SHOWN)
        )
        running.read_until("ready")
        running.signal(signal.SIGTERM)
        return running.finish().code

    assert in_box(box, scenario) == 7


def test_a_program_without_handlers_ends_by_the_signal(box: Box) -> None:
    def scenario(box: Box) -> int:
        running = box.start(spec(shell("echo ready; exec sleep 100"), annotations=SHOWN))
        running.read_until("ready")
        running.signal(signal.SIGTERM)
        return running.finish().code

    assert in_box(box, scenario) == 143


def test_it_has_the_programs_privileges_and_descriptors_and_no_more(box: Box) -> None:
    script = "grep -E '^(Uid|CapPrm|Seccomp)' /proc/1/status; ls /proc/1/fd | tr '\\n' ' '"
    outcome = run(box, shell(script, user=User(username="bob")))
    assert outcome.lines[0].split() == ["Uid:", "1000", "1000", "1000", "1000"]
    assert outcome.lines[1].split() == ["CapPrm:", "0" * 16]
    assert outcome.lines[-1] == "0 1 2 "


def test_a_missing_program_is_an_error_before_anything_runs(box: Box) -> None:
    outcome = run(box, process("foo"))
    assert (outcome.error, outcome.code) == ('exec: "foo": executable file not found in $PATH', 127)


def test_the_program_has_the_terminal(box: Box) -> None:
    outcome = run(box, shell("echo x > /dev/tty; ps -o pid,pgid,tty | grep '^ *2'", terminal=True))
    assert outcome.lines == ["x", "    2     2 136,0"]
