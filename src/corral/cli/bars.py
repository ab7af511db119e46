"""Progress bars by rich, which is imported for nothing else and only on a terminal."""

from __future__ import annotations

import os

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from corral.client import wire


class _Amount(DownloadColumn):
    """Bytes as bytes, other units as plain numbers, nothing when nobody knows."""

    def render(self, task: object) -> object:  # type: ignore[override]  # rich's Text and Task, kept out of the signature
        from rich.text import Text

        total, completed = getattr(task, "total", None), getattr(task, "completed", 0)
        fields = getattr(task, "fields", {})
        if not total and not completed:
            return Text("")
        if fields.get("units"):
            return Text(
                f"{completed:.0f}/{total:.0f} {fields['units']}" if total else f"{completed:.0f} {fields['units']}"
            )
        return super().render(task)  # type: ignore[arg-type]


class Bars:
    """One bar per id, text above them. A context manager."""

    def __init__(self, fd: int) -> None:
        self._file = os.fdopen(os.dup(fd), "w", encoding="utf-8")
        self._console = Console(file=self._file)
        self._progress = Progress(
            TextColumn("{task.fields[name]}", style="bold"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            _Amount(),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._file.close()

    def show(self, message: wire.Progress) -> None:
        stream = message.get("stream")
        if stream:
            self._console.print(stream.rstrip("\n"), markup=False, highlight=False)
            return
        name, status = message.get("id", ""), message.get("status", "")
        detail = message.get("progressDetail") or {}
        current, total = detail.get("current"), detail.get("total") or None
        if not name and current is None:
            if status:
                self._console.print(status, markup=False, highlight=False)
            return
        task = self._tasks.get(name)
        if task is None:
            task = self._progress.add_task(status, total=total, name=name, units=detail.get("units", ""))
            self._tasks[name] = task
        self._progress.update(task, description=status or None, completed=current, total=total)
