"""From argv to output and exit code, without a daemon."""

# ruff: noqa: E501 - command lines and their answers are data

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from corral import __version__
from corral.cli.help import flag_lines, wrap
from corral.cli.main import GLOBAL_FLAGS
from corral.cli.verbs import GROUPS, VERBS, Verb


def corral(*arguments: str, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "corral.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "CORRAL_AUTOSTART": "0",
            "HOME": "/nonexistent",
            **environment,
        },
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        ("nope", 1, "corral: unknown command: corral nope\n\nRun 'corral --help' for more information\n"),
        (
            "container nope",
            1,
            "corral: unknown command: corral container nope\n\nUsage:  corral container\n\n"
            "Run 'corral container --help' for more information\n",
        ),
        ("--nope ps", 125, "unknown flag: --nope\n\nUsage:  corral [OPTIONS] COMMAND [ARG...]\n\nRun 'corral --help' for more information\n"),
        ("ps --nope", 125, "unknown flag: --nope\n\nUsage:  corral ps [OPTIONS]\n\nRun 'corral ps --help' for more information\n"),
        ("ps x", 1, "corral: 'corral ps' accepts no arguments\n\nUsage:  corral ps [OPTIONS]\n\nRun 'corral ps --help' for more information\n"),
        (
            "rm",
            1,
            "corral: 'corral rm' requires at least 1 argument\n\nUsage:  corral rm [OPTIONS] CONTAINER [CONTAINER...]\n\n"
            "See 'corral rm --help' for more information\n",
        ),
        (
            "tag a",
            1,
            "corral: 'corral tag' requires 2 arguments\n\nUsage:  corral tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]\n\n"
            "Run 'corral tag --help' for more information\n",
        ),
        ("-l nope ps", 1, "Unable to parse logging level: nope\n"),
        ("-H nope://x ps", 1, "Failed to initialize: unable to resolve docker endpoint: invalid bind address format: nope://x\n"),
        ("-H unix:///a -H unix:///b ps", 1, "Specify only one -H\n"),
        ("-H unix:///nonexistent ps", 1, "Cannot connect to the corral daemon at unix:///nonexistent. Is the corral daemon running?\n"),
        (
            "-H unix:///nonexistent run x",
            125,
            "corral: Cannot connect to the corral daemon at unix:///nonexistent. Is the corral daemon running?\n\n"
            "Run 'corral run --help' for more information\n",
        ),
        ("-H tcp://127.0.0.1:1 ps", 1, "Cannot connect to the corral daemon at tcp://127.0.0.1:1. Is the corral daemon running?\n"),
        (
            "--context x ps",
            1,
            'Failed to initialize: context "x": corral has no contexts; name the daemon with -H or CORRAL_HOST\n',
        ),
        ("ps --format {{.ID", 1, None),
        ("save x -o /nonexistent/y", 1, "failed to save image: invalid output path: stat /nonexistent: no such file or directory\n"),
    ],
)  # fmt: skip
def test_one_clear_answer(arguments: str, code: int, error: str | None) -> None:
    got, out, err = corral(*arguments.split())
    assert (got, out) == (code, "")
    if error is not None:
        assert err == error
    assert "Traceback" not in err


def test_version() -> None:
    assert corral("--version") == (0, f"corral version {__version__}\n", "")
    assert corral("-v") == (0, f"corral version {__version__}\n", "")


def test_hosts_by_precedence() -> None:
    assert "unix:///a." in corral("ps", CORRAL_HOST="unix:///a", DOCKER_HOST="unix:///b")[2]
    assert "unix:///b." in corral("ps", DOCKER_HOST="unix:///b")[2]
    assert "unix:///c." in corral("-H", "unix:///c", "ps", CORRAL_HOST="unix:///a")[2]


def _verbs() -> list[tuple[str, Verb]]:
    nested = [(f"{group} {name}", verb) for group, found in GROUPS.items() for name, verb in found.verbs.items()]
    return [*VERBS.items(), *nested]


@pytest.mark.parametrize(("name", "verb"), _verbs(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_verb_has_help(name: str, verb: Verb, capfd: pytest.CaptureFixture[str]) -> None:
    from corral.cli.main import main

    assert main([*name.split(), "--help"]) == 0
    out, err = capfd.readouterr()
    assert out.startswith(f"Usage:  corral {name}")
    assert verb.summary in out
    assert err == ""
    assert max(map(len, out.splitlines())) < 110


def test_help_of_the_whole_names_everything() -> None:
    code, out, _ = corral("--help")
    assert code == 0
    for name in (*VERBS, *GROUPS):
        assert f"\n  {name} " in out
    assert corral()[1] == out
    assert corral("help")[1] == out
    assert corral("help", "ps")[1] == corral("ps", "--help")[1]
    assert corral("container")[1] == corral("container", "--help")[1]


def test_texts_are_wrapped_in_their_column() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("unbreakable-word x", 5) == ["unbreakable-word", "x"] or wrap("unbreakable-word x", 5) == [
        "unbreakable-word x"
    ]
    assert wrap("a\nb", 10) == ["a", "b"]
    assert max(map(len, flag_lines(GLOBAL_FLAGS, 80).splitlines())) < 80


HEAVY = {
    "argparse",
    "dataclasses",
    "typing",
    "msgspec",
    "asyncio",
    "http.client",
    "email",
    "inspect",
    "datetime",
    "rich",
}


@pytest.mark.parametrize(
    "line", ["ps", "images", "run x", "exec a b", "logs a", "stop a", "rm a", "start a", "attach a"]
)
def test_common_verbs_import_little(line: str, tmp_path: Path) -> None:
    """The command line starts in the time of a blink because of what it does not import."""
    program = (
        "import sys; before = set(sys.modules); from corral.cli.main import main; "
        f"main(['-H', 'unix://{tmp_path}/none', *{line.split()}]); print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {program}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    loaded = set(done.stdout.split())
    assert "corral.client.api" in loaded
    assert not loaded & HEAVY
    assert not [name for name in loaded if name.startswith("corral.cli.template")]


@pytest.mark.parametrize("redirection", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_are_nobodys_sockets(redirection: str) -> None:
    program = f"import sys; sys.path[:0] = {sys.path!r}; from corral.cli.main import entry; entry()"
    line = f'"$0" -I -c "$1" -H unix:///nonexistent ps {redirection}'
    done = subprocess.run(["sh", "-c", line, sys.executable, program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr in (
        "",
        "Cannot connect to the corral daemon at unix:///nonexistent. Is the corral daemon running?\n",
    )


def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "corral.cli.main", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
    assert (done.returncode, done.stderr) == (1, "corral: no space left on device\n")
