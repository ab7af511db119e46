"""Creating a container for ``run`` and ``create``: the id file, the pull that may come first, the daemon's warnings."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from corral.cli.errors import CliError
from corral.cli.flags import Options
from corral.cli.output import error_line
from corral.cli.session import Session
from corral.client.containers import Containers
from corral.client.errors import ApiError


def create(session: Session, options: Options, request: Mapping[str, object], image: str) -> str:
    """The new container's id. Raises CliError, ClientError."""
    pull = options.text("pull")
    with _id_file(options.text("cidfile")) as write_id:
        if pull == "always":
            _pull(session, options, image)
        containers = Containers(session.api)
        name, platform = options.text("name"), options.text("platform")
        try:
            created = containers.create(request, name=name or None, platform=platform or None)
        except ApiError as error:
            if error.status != 404 or pull != "missing" or not _image_is_missing(error):
                raise
            from corral.cli.image.names import familiar

            if not options.switch("quiet"):
                error_line(f"Unable to find image '{familiar(image)}' locally")
            _pull(session, options, image)
            created = containers.create(request, name=name or None, platform=platform or None)
        for warning in created.get("Warnings") or []:
            error_line(f"WARNING: {warning}")
        container_id = created.get("Id", "")
        write_id(container_id)
        return container_id


def _image_is_missing(error: ApiError) -> bool:
    return "no such image" in error.message.lower()


def _pull(session: Session, options: Options, image: str) -> None:
    from corral.cli.image.pull import pull_image
    from corral.client.errors import ClientError

    try:
        pull_image(session, image, platform=options.text("platform"), quiet=options.switch("quiet"), fd=2)
    except ClientError as error:
        error.message += "\n\nWithout a registry: corral image bootstrap busybox (or debian:bookworm)"
        raise


class _IdFile:
    """Takes the id; a file that was given none is removed."""

    __slots__ = ("_path", "written")

    def __init__(self, path: str) -> None:
        self._path = path
        self.written = False

    def __call__(self, container_id: str) -> None:
        self.written = True
        if self._path:
            with open(self._path, "w", encoding="ascii") as file:
                file.write(container_id)

    def __enter__(self) -> _IdFile:
        if self._path:
            if os.path.exists(self._path):
                raise CliError(
                    f"container ID file found, make sure the other container isn't running or delete {self._path}"
                )
            try:
                open(self._path, "x", encoding="ascii").close()
            except OSError as error:
                raise CliError(
                    f"failed to create the container ID file: open {self._path}: {(error.strerror or '').lower()}"
                ) from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._path and not self.written:
            with contextlib.suppress(OSError):
                os.unlink(self._path)


def _id_file(path: str) -> _IdFile:
    return _IdFile(path)
