"""Files of a runtime, and what its commands are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from corral.runtime.external.workspace import Workspace


def test_commands_are_told_where_the_state_is() -> None:
    assert Workspace("/b", "/corral/id").flags == ["--root", "/b/oci/state"]


def test_scopes_of_systemd_are_said_to_be_some() -> None:
    assert Workspace("/b", "system.slice:corral:id").flags[-1] == "--systemd-cgroup"


def test_container_is_known_once_the_runtime_has_begun(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    assert not workspace.knows("id")
    workspace.make()
    assert not workspace.knows("id")
    Path(workspace.state, "id").mkdir()
    assert workspace.knows("id")
    with pytest.raises(FileExistsError):
        workspace.make()


@pytest.mark.parametrize(("content", "pid"), [(b"42", 42), (b"42\n", 42), (b"", 0), (b"x", 0), (None, 0)])
def test_pid_files(tmp_path: Path, content: bytes | None, pid: int) -> None:
    workspace = Workspace(str(tmp_path))
    workspace.make()
    if content is not None:
        Path(workspace.pid_file("init")).write_bytes(content)
    assert workspace.pid("init") == pid
