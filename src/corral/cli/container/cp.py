"""corral cp."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from corral.cli.command import Command
from corral.cli.container import copypaths
from corral.cli.container.copypaths import Place, Plan
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL
from corral.cli.output import error_line, write_all
from corral.cli.session import Session
from corral.cli.units import decimal_size
from corral.client.containers import Containers
from corral.client.errors import ApiError

_LINK = 1 << 27
_DIRECTORY = 1 << 31
_DEVICE = 1 << 26
_IRREGULAR = 1 << 19


class Copy:
    """What was asked for. ``moved``: bytes of archive that have gone over the wire."""

    __slots__ = ("as_user", "containers", "follow", "moved", "quiet")

    def __init__(self, containers: Containers, options: Options, *, quiet: bool) -> None:
        self.containers = containers
        self.follow = options.switch("follow-link")
        self.as_user = options.switch("archive")
        self.quiet = quiet
        self.moved = 0

    def out(self, container: str, path: str, target: str) -> None:
        if target != "-":
            target = copypaths.local(target)
            _check_output(target)
        rebase = ""
        if self.follow:
            path, rebase = self._followed(container, path)
        told, response = self.containers.copy_out(container, path)
        if target == "-":
            for block in response.blocks():
                write_all(1, block)
            return
        source = Place(path, exists=True, is_directory=bool(told.get("mode", 0) & _DIRECTORY), rebase=rebase)
        place = copypaths.destination(target)
        plan = copypaths.plan(source, place)
        if rebase and not plan.new:  # it keeps the name that it was asked for by
            plan = Plan(plan.directory, copypaths.split(path)[1], rebase)
        elif rebase:
            plan = Plan(plan.directory, copypaths.split(path)[1], plan.new)
        from corral.cli.container.unpack import unpack

        unpack(self._counted(response.blocks()), plan)
        self._say(f"Successfully copied {decimal_size(self.moved, 3)} to {target}")

    def _followed(self, container: str, path: str) -> tuple[str, str]:
        try:
            told = self.containers.stat_path(container, path)
        except ApiError:
            return path, ""
        if not told.get("mode", 0) & _LINK:
            return path, ""
        return copypaths.rebased(path, told.get("linkTarget", ""))

    def into(self, source: str, container: str, path: str) -> None:
        place, mode = self._target(container, path)
        if mode is not None and (odd := _irregular(mode)):
            raise CliError(f'destination "{container}:{path}" must be a directory or a regular file: {odd}')
        if source == "-":
            if not place.is_directory:
                raise CliError(f'destination "{container}:{path}" must be a directory')
            from corral.client.http import file_blocks

            self._put(container, place.path, file_blocks(0))
            return
        found = copypaths.source(copypaths.local(source), follow=self.follow)
        plan = copypaths.plan(found, place)
        from corral.cli.container.packing import pack

        self._put(container, plan.directory, self._counted(pack(found, plan)))
        self._say(f"Successfully copied {decimal_size(self.moved, 3)} to {container}:{place.path}")

    def _target(self, container: str, path: str) -> tuple[Place, int | None]:
        """What is there, links followed, and its mode."""
        try:
            told = self.containers.stat_path(container, path)
            if told.get("mode", 0) & _LINK:
                path = told.get("linkTarget", "")
                told = self.containers.stat_path(container, path)
        except ApiError:
            return Place(path), None  # its directory may be there: the daemon will say
        mode = told.get("mode", 0)
        return Place(path, exists=True, is_directory=bool(mode & _DIRECTORY)), mode

    def _put(self, container: str, path: str, blocks: Iterable[bytes]) -> None:
        self.containers.copy_in(container, path, blocks, copy_owner=self.as_user)

    def _counted(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self.moved += len(block)
            yield block

    def _say(self, text: str) -> None:
        if not self.quiet:
            error_line(text)


def _irregular(mode: int) -> str:
    """What is wrong with a destination of this (Go's) mode."""
    return "got a device" if mode & _DEVICE else "got an irregular file" if mode & _IRREGULAR else ""


def _check_output(target: str) -> None:
    """Raises CliError."""
    directory = os.path.dirname(os.path.normpath(target)) or "."
    if not os.path.exists(directory):
        raise CliError(f'invalid output path: directory "{directory}" does not exist')
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise CliError(f"stat {target}: {(error.strerror or '').lower()}") from None
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise CliError(f'invalid output path: "{target}" must be a directory or a regular file: got a device')


def _parse(argument: str) -> tuple[str, str]:
    """Container and path; no container for a local path."""
    if argument.startswith("/"):
        return "", argument
    container, colon, path = argument.partition(":")
    return ("", argument) if not colon or container.startswith(".") else (container, path)


def run(session: Session, options: Options, args: list[str]) -> int:
    if not args[0]:
        raise CliError("source can not be empty")
    if not args[1]:
        raise CliError("destination can not be empty")
    (from_container, source), (to_container, target) = _parse(args[0]), _parse(args[1])
    if from_container and to_container:
        raise CliError("copying between containers is not supported")
    if not from_container and not to_container:
        raise CliError("must specify at least one container source")
    quiet = options.switch("quiet") if "quiet" in options.changed else not session.out.isatty()
    copy = Copy(Containers(session.api), options, quiet=quiet)
    if from_container:
        copy.out(from_container, source, target)
    else:
        copy.into(source, to_container, target)
    return 0


COMMAND = Command(
    run,
    arguments="CONTAINER:SRC_PATH DEST_PATH|-\n\tcorral cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    flags=(
        Flag("archive", "a", BOOL, "Archive mode (copy all uid/gid information)"),
        Flag("follow-link", "L", BOOL, "Always follow symbol link in SRC_PATH"),
        Flag(
            "quiet", "q", BOOL,
            "Suppress progress output during copy. Progress output is automatically suppressed if no terminal is "
            "attached",
        ),
    ),
    least=2,
    most=2,
    note="Use '-' as the source to read a tar archive from stdin\n"
    "and extract it to a directory destination in a container.\n"
    "Use '-' as the destination to stream a tar archive of a\n"
    "container source to stdout.",
)  # fmt: skip
