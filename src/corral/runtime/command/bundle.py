"""A bundle's config.json, read once: later changes of the file must not affect the container (runtime.md, "Create")."""

from __future__ import annotations

import json
import os
from typing import Any

from corral.errors import Invalid, NotFound
from corral.oci.runtime import Spec
from corral.runtime.validation import validate

__all__ = ["Bundle", "decode", "read"]


class Bundle:
    """``path``: absolute, without links; ``text``: config.json's bytes."""

    __slots__ = ("path", "spec", "text")

    def __init__(self, path: str, text: bytes, spec: Spec) -> None:
        self.path = path
        self.text = text
        self.spec = spec

    @property
    def rootfs(self) -> str:
        return os.path.normpath(os.path.join(self.path, self.spec.root.path))


def read(path: str) -> Bundle:
    """Raises NotFound, Invalid naming the clauses of the specification that it breaks."""
    path = os.path.realpath(path or ".")
    try:
        with open(f"{path}/config.json", "rb") as file:
            text = file.read()
    except FileNotFoundError:
        raise NotFound(f"JSON specification file {path}/config.json not found") from None
    except NotADirectoryError:
        raise Invalid(f"{path}: not a directory") from None
    try:
        config = json.loads(text)
    except ValueError as error:
        raise Invalid(f"{path}/config.json: {error}") from error
    if not isinstance(config, dict):
        raise Invalid(f"{path}/config.json: not an object")
    if problems := validate(config):
        raise Invalid(f"{path}/config.json: {'; '.join(map(str, problems))}")
    if "process" not in config:
        raise Invalid("config.json: process: a container without a program cannot be started (runtime.md#start)")
    bundle = Bundle(path, text, decode(config))
    if not os.path.isdir(bundle.rootfs):
        raise Invalid(f"invalid rootfs: {bundle.rootfs} MUST be an existing directory (config.md#root)")
    return bundle


def decode(config: dict[str, Any]) -> Spec:
    """Raises Invalid."""
    try:
        return Spec.from_json(config)
    except ValueError as error:
        raise Invalid(f"config.json: {error}") from error
