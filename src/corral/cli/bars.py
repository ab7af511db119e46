"""Progress bars by rich, which is imported for nothing else and only on a terminal."""

from __future__ import annotations

import os

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from corral.client import wire

_MOVING = ("Downloading", "Pushing")
_OVER = ("Download complete", "Extracting", "Pull complete", "Pushed", "Layer already exists", "Already exists")
_LEAST_FOR_TOTAL = 2


class _Amount(DownloadColumn):
    """Bytes as bytes, other units as plain numbers, nothing when nobody knows."""

    def render(self, task: Task) -> Text:
        if not task.total and not task.completed:
            return Text("")
        if units := task.fields.get("units"):
            of = f"/{task.total:.0f}" if task.total else ""
            return Text(f"{task.completed:.0f}{of} {units}")
        return super().render(task)


class _Speed(TransferSpeedColumn):
    """Of what moves over a network at this moment."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.fields.get("moving") else Text("")


class _Remaining(TimeRemainingColumn):
    def render(self, task: Task) -> Text:
        return super().render(task) if task.fields.get("moving") else Text("")


class Bars:
    """One bar per id, text above them, and below them a bar for all that moves when there are several.

    A context manager.
    """

    def __init__(self, fd: int) -> None:
        self._file = os.fdopen(os.dup(fd), "w", encoding="utf-8")
        self._console = Console(file=self._file)
        self._progress = Progress(
            TextColumn("{task.fields[name]}", style="bold"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            _Amount(),
            _Speed(),
            _Remaining(compact=True),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._moved: dict[str, tuple[int, int]] = {}
        self._total: TaskID | None = None

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
        detail = message.get("progressDetail")
        current, total = (detail or {}).get("current"), (detail or {}).get("total") or None
        if detail is None or (not name and current is None):  # an event, and not the state of something
            if status:
                self._console.print(f"{name}: {status}" if name else status, markup=False, highlight=False)
            return
        task = self._tasks.get(name)
        if task is None:
            units = (detail or {}).get("units", "")
            task = self._progress.add_task(status, total=total, name=name, units=units, moving=False)
            self._tasks[name] = task
        if current is None and status in _OVER:
            current = int(self._progress.tasks[self._progress.task_ids.index(task)].total or 0) or None
        moving = status in _MOVING
        self._progress.update(task, description=status or None, completed=current, total=total, moving=moving)
        self._add_up(name, status, current, total)

    def _add_up(self, name: str, status: str, current: int | None, total: int | None) -> None:
        if status in _MOVING and current is not None and total is not None:
            self._moved[name] = (min(current, total), total)
        elif status in _OVER and name in self._moved:
            self._moved[name] = (self._moved[name][1],) * 2
        else:
            return
        if len(self._moved) < _LEAST_FOR_TOTAL:
            return
        done, whole = (sum(column) for column in zip(*self._moved.values(), strict=True))
        if self._total is None:
            self._total = self._progress.add_task("", total=whole, name="total", units="", moving=True)
        self._progress.update(self._total, completed=done, total=whole, moving=done < whole)
