"""A bundle's config.json, read once: later changes of the file must not affect the container (runtime.md, "Create")."""

from __future__ import annotations

import json
import os
from typing import Any

from corral.errors import Invalid, NotFound
from corral.oci.runtime import Spec

__all__ = ["Bundle", "decode", "read"]


class Bundle:
    """``path``: absolute, without links; ``config``: the JSON object; ``text``: the file's bytes."""

    __slots__ = ("config", "path", "spec", "text")

    def __init__(self, path: str, text: bytes, config: dict[str, Any], spec: Spec) -> None:
        self.path = path
        self.text = text
        self.config = config
        self.spec = spec

    @property
    def rootfs(self) -> str:
        return os.path.normpath(os.path.join(self.path, self.spec.root.path))


def read(path: str) -> Bundle:
    """Raises NotFound, Invalid naming the clauses that it breaks."""
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
    return Bundle(path, text, config, decode(config))


def decode(config: dict[str, Any]) -> Spec:
    """Raises Invalid."""
    try:
        return Spec.from_json(config)
    except ValueError as error:
        raise Invalid(f"config.json: {error}") from error
