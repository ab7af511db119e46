"""What the daemon sends, into a file that only a complete download gets its name."""

from __future__ import annotations

import os
import tempfile

from corral.cli.errors import CliError
from corral.cli.output import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.http import Response


def check_output(what: str, path: str) -> None:
    """Raises CliError, which begins with ``what``, for a place where no file can be."""
    directory = os.path.dirname(path) or "."
    if not os.path.isdir(directory):
        raise CliError(f"{what}: invalid output path: stat {directory}: no such file or directory")
    if os.path.isdir(path):
        raise CliError(f"{what}: cannot write to a directory")


def write_blocks(response: Response, path: str) -> None:
    """The whole body; to standard output without ``path``. Raises OSError, and as reading does."""
    if not path:
        for block in response.blocks():
            write_all(1, block)
        return
    if os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe is not replaced
        with open(path, "wb", buffering=0) as target:
            for block in response.blocks():
                write_all(target.fileno(), block)
        return
    directory, name = os.path.split(os.path.abspath(path))
    fd, scratch = tempfile.mkstemp(prefix=f".tmp-{name}", dir=directory)
    try:
        for block in response.blocks():
            write_all(fd, block)
        os.rename(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise
    finally:
        os.close(fd)
