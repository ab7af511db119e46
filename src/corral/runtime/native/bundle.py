"""Writing a container's description where the supervisor reads it."""

from __future__ import annotations

import os

from corral.oci.codec import compact
from corral.runtime.driver import CreateRequest


def write_bundle(request: CreateRequest) -> None:
    """``config.json`` and ``rootfs.json`` in ``request.bundle``, which is made when it is missing. Raises OSError."""
    try:
        os.mkdir(request.bundle, 0o711)
    except FileExistsError:
        pass
    except FileNotFoundError:
        os.makedirs(request.bundle, 0o711)
    _write(f"{request.bundle}/config.json", request.spec.to_json())
    _write(f"{request.bundle}/rootfs.json", [mount.to_json() for mount in request.rootfs])


def _write(path: str, value: object) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(compact(value))
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)
