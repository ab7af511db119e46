"""logs: what a container wrote, out of its log files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from corral.api.types.container import LogsOptions
from corral.engine.container.context import Engine
from corral.engine.container.record import ContainerRecord
from corral.errors import Unsupported

__all__ = ["LogStream", "logs", "read_logs"]


@dataclass(frozen=True, slots=True)
class LogStream:
    """``chunks``: (1 for stdout or 2 for stderr, bytes); raw, as a terminal had it, if ``tty``."""

    tty: bool
    chunks: AsyncIterator[tuple[int, bytes]]


async def logs(engine: Engine, ref: str, options: LogsOptions) -> LogStream:
    """Raises NotFound, Invalid, Unsupported when its log driver keeps nothing."""
    record = engine.store.find(ref)
    if record.host_config.log_config.type == "none":
        raise Unsupported("configured logging driver does not support reading")
    return LogStream(record.config.tty, read_logs(engine, record, options))


def read_logs(engine: Engine, record: ContainerRecord, options: LogsOptions) -> AsyncIterator[tuple[int, bytes]]:
    def ended() -> bool:
        current = engine.store.get(record.id)
        return current is None or not current.status.is_up

    return engine.logs.read(engine.data.container_log(record.id), options, ended)
