"""Exec: one more process in a running container."""

from __future__ import annotations

from corral.api.types.wire import UNSET, UnsetType, Wire, field

__all__ = ["ExecCreateRequest", "ExecInspect", "ExecProcessConfig", "ExecStartRequest"]


class ExecCreateRequest(Wire):
    user: str = ""
    privileged: bool = False
    tty: bool = False
    console_size: tuple[int, int] | UnsetType | None = UNSET
    """Height, width."""
    attach_stdin: bool = False
    attach_stderr: bool = False
    attach_stdout: bool = False
    detach: bool = False
    detach_keys: str = ""
    env: list[str] | None = None
    working_dir: str = ""
    cmd: list[str] | None = None


class ExecStartRequest(Wire):
    detach: bool = False
    tty: bool = False
    console_size: tuple[int, int] | UnsetType | None = UNSET


class ExecProcessConfig(Wire, rename="lower"):
    tty: bool = False
    entrypoint: str = ""
    arguments: list[str] = []
    privileged: bool | UnsetType | None = UNSET
    user: str | UnsetType = UNSET


class ExecInspect(Wire):
    """``exit_code`` is None until the process has ended."""

    id: str = field(default="", name="ID")
    running: bool = False
    exit_code: int | None = None
    process_config: ExecProcessConfig = field(default_factory=ExecProcessConfig)
    open_stdin: bool = False
    open_stderr: bool = False
    open_stdout: bool = False
    can_remove: bool = False
    container_id: str = field(default="", name="ContainerID")
    detach_keys: str = ""
    pid: int = 0
