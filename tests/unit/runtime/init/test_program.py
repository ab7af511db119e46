"""Environment, looking for programs, and the words of failures, where no root is needed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from corral.runtime.init.failure import SetupError, described, exit_code_of, reason
from corral.runtime.init.program import environment, find


def test_later_entries_win_and_home_is_added() -> None:
    made = environment(("A=1", "B=x=y", "A=2", "odd", "=odd", "EMPTY="), "/home/me")
    assert made == {"A": "2", "B": "x=y", "EMPTY": "", "HOME": "/home/me"}


@pytest.mark.parametrize(("entries", "home"), [(("HOME=/given",), "/given"), (("HOME=",), "/home/me")])
def test_a_home_that_was_given_stays(entries: tuple[str, ...], home: str) -> None:
    assert environment(entries, "/home/me")["HOME"] == home


def make(directory: Path, name: str, mode: int = 0o755) -> str:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text("")
    (directory / name).chmod(mode)
    return str(directory / name)


def test_the_first_executable_in_the_path_is_found(tmp_path: Path) -> None:
    make(tmp_path / "a", "tool", 0o644)
    (tmp_path / "b" / "tool").mkdir(parents=True)
    wanted = make(tmp_path / "c", "tool")
    make(tmp_path / "d", "tool")
    path = ":".join(str(tmp_path / name) for name in "abcd")
    assert find("tool", path) == wanted
    assert find(wanted, "") == wanted


@pytest.mark.parametrize(
    ("name", "message", "code"),
    [
        ("tool", 'exec: "tool": executable file not found in $PATH', 127),
        ("", 'exec: "": executable file not found in $PATH', 127),
        ("/no/tool", 'exec: "/no/tool": stat /no/tool: no such file or directory', 127),
        ("/etc", 'exec: "/etc": is a directory: permission denied', 126),
        ("/etc/passwd", 'exec: "/etc/passwd": permission denied', 126),
    ],
)
def test_what_cannot_be_executed(name: str, message: str, code: int) -> None:
    with pytest.raises(SetupError) as caught:
        find(name, "/nowhere:/usr/no")
    assert (caught.value.message, caught.value.exit_code) == (message, code)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("chdir: no such file or directory", 127),
        ('exec: "x": executable file not found in $PATH', 127),
        ("mount: permission denied", 126),
        ("is a directory", 126),
        ("not a directory", 125),
        ("operation not permitted", 125),
    ],
)
def test_the_exit_code_is_in_the_words(message: str, code: int) -> None:
    assert exit_code_of(message) == SetupError(message).exit_code == code


def test_reasons_are_in_lower_case_but_paths_keep_theirs() -> None:
    error = OSError(errno.ENOENT, f"fsconfig: {os.strerror(errno.ENOENT)}; overlay: /Upper/Case", "key")
    assert reason(error) == "fsconfig: no such file or directory; overlay: /Upper/Case"
    assert described("doing it", error).message == "doing it: no such file or directory"
