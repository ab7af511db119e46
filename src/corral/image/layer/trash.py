"""Deleting in the background what has already been detached.

Removal answers after one rename; the tree behind it may be large. One thread empties the trash in order; what a stop
leaves is deleted after the next start.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from pathlib import Path
from typing import Final

from corral.archive.remove import remove_tree

_LOG: Final = logging.getLogger(__name__)
_JOIN_SECONDS: Final = 10.0


class Trash:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        os.makedirs(directory, 0o700, exist_ok=True)
        self._queue: queue.SimpleQueue[Path | threading.Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self) -> None:
        """Takes up what an earlier process left."""
        for path in sorted(self.directory.iterdir()):
            self.discard(path)

    def adopt(self, directory: Path, prefixes: tuple[str, ...]) -> None:
        """Takes from ``directory`` what has such a name: scratch that a stopped process left."""
        if directory.is_dir():
            for path in directory.iterdir():
                if path.name.startswith(prefixes):
                    os.rename(path, self.directory / path.name)

    def discard(self, path: Path | None) -> None:
        """Deletes ``path``, which lies in the trash, some time soon."""
        if path is None:
            return
        self._queue.put(path)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="corral-trash", daemon=True)
            self._thread.start()

    def flush(self) -> None:
        """Waits until what was discarded before is gone."""
        if self._thread is not None:
            done = threading.Event()
            self._queue.put(done)
            done.wait()

    def close(self) -> None:
        """Stops after the tree at hand."""
        self._stopping = True
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(_JOIN_SECONDS)
            self._thread = None

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
            elif not self._stopping:
                _delete(item)


def _delete(path: Path) -> None:
    try:
        parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if path.is_dir() and not path.is_symlink():
                remove_tree(os.fsencode(path.name), parent)
            else:
                path.unlink()
        finally:
            os.close(parent)
    except FileNotFoundError:
        pass
    except OSError as error:
        _LOG.warning("cannot delete %s: %s; trying again at the next start", path, error)
