"""Progress: plain lines for logs, errors as errors, bars on a terminal."""

from __future__ import annotations

import os
import pty

import pytest

from corral.cli.image.names import familiar, split
from corral.cli.image.rows import items
from corral.cli.image.tag import problem
from corral.cli.progress import plain_line, raise_error, show
from corral.client.errors import OperationFailed


def test_lines_tell_events_and_not_movement() -> None:
    assert plain_line({"stream": "Loaded image: x\n"}) == "Loaded image: x\n"
    assert plain_line({"status": "Pulling", "id": "abc"}) == "abc: Pulling\n"
    assert plain_line({"status": "sha256:1"}) == "sha256:1\n"
    assert plain_line({"status": "Downloading", "id": "a", "progressDetail": {"current": 5, "total": 9}}) == ""
    assert plain_line({"aux": {"ID": "x"}}) == ""


def test_errors_end_it(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OperationFailed, match=r"^disk full$"):
        show(iter([{"status": "a"}, {"error": "x", "errorDetail": {"message": "disk full"}}, {"status": "b"}]))
    assert capfd.readouterr().out == "a\n"
    with pytest.raises(OperationFailed, match=r"^x$"):
        raise_error({"error": "x"})


def test_bars_on_a_terminal() -> None:
    master, slave = pty.openpty()
    try:
        messages = [
            {"status": "Fetching", "id": "packages", "progressDetail": {"current": 10, "total": 20}},
            {
                "status": "Unpacking",
                "id": "packages",
                "progressDetail": {"current": 3, "total": 4, "units": "packages"},
            },
            {"stream": "done [not markup]\n"},
        ]
        show(iter(messages), slave)  # type: ignore[arg-type]
        shown = ""
        while "done" not in shown:  # a terminal hands out its buffer in pieces
            shown += os.read(master, 65536).decode()
        assert "packages" in shown
        assert "done [not markup]" in shown
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize(
    ("ref", "parts", "short"),
    [
        ("busybox", ("busybox", ""), "busybox:latest"),
        ("busybox:1", ("busybox", "1"), "busybox:1"),
        ("h:5/a/b", ("h:5/a/b", ""), "h:5/a/b:latest"),
        ("h:5/a:1", ("h:5/a", "1"), "h:5/a:1"),
        ("a@sha256:ff", ("a", "sha256:ff"), "a@sha256:ff"),
        ("docker.io/library/a", ("docker.io/library/a", ""), "a:latest"),
    ],
)
def test_names(ref: str, parts: tuple[str, str], short: str) -> None:
    assert split(ref) == parts
    assert familiar(ref) == short


@pytest.mark.parametrize(
    ("repository", "tag", "why"),
    [
        ("a/b", "1", ""),
        ("localhost:5000/a__b/c-d", "x.y", ""),
        ("Upper", "", "invalid reference format: repository name (library/Upper) must be lowercase"),
        ("a b", "", "invalid reference format"),
        ("a", "x/y", "invalid reference format"),
        ("a", "x" * 129, "invalid reference format"),
    ],
)
def test_names_for_new_images(repository: str, tag: str, why: str) -> None:
    assert problem(repository, tag) == why


def test_an_image_has_a_row_for_each_name() -> None:
    image = {
        "Id": "sha256:" + "0" * 64,
        "RepoTags": ["a:1", "a:2", "h:5/b:3"],
        "RepoDigests": ["a@sha256:aa", "c@sha256:cc"],
    }

    def rows(digests: bool) -> list[tuple[str, str, str]]:
        found = items([image], truncate=True, digests=digests)  # type: ignore[list-item]
        return [(row.repository, row.tag, row.digest) for row in found]

    assert rows(False) == [
        ("a", "1", "<none>"),
        ("a", "2", "<none>"),
        ("h:5/b", "3", "<none>"),
        ("c", "<none>", "<none>"),
    ]
    assert rows(True)[0] == ("a", "1", "sha256:aa")
    assert rows(True)[-1] == ("c", "<none>", "sha256:cc")
    nameless = items([{"Id": "x", "RepoTags": None}], truncate=True, digests=False)
    assert [(row.repository, row.tag) for row in nameless] == [("<none>", "<none>")]
