"""--security-opt: seccomp profiles are read here, and sent with the request."""

from __future__ import annotations

import json
from collections.abc import Iterable

from corral.cli.errors import UsageError


def security_options(given: Iterable[str]) -> tuple[list[str], bool]:
    """``(SecurityOpt, system paths are unconfined)``. Raises UsageError."""
    options: list[str] = []
    unconfined = False
    for option in given:
        if option == "systempaths=unconfined":
            unconfined = True
            continue
        name, separator, value = option.partition("=") if "=" in option else option.partition(":")
        if not separator and name not in ("no-new-privileges", "writable-cgroups"):
            raise UsageError(f'Invalid --security-opt: "{option}"', usage=False)
        if name == "seccomp" and separator and value not in ("unconfined", "builtin"):
            option = f"seccomp={_profile(value)}"
        options.append(option)
    return options, unconfined


def _profile(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        reason = f"open {path}: {(error.strerror or '').lower()}"
        raise UsageError(f"opening seccomp profile ({path}) failed: {reason}", usage=False) from None
    try:
        return json.dumps(json.loads(data), separators=(",", ":"))
    except ValueError as error:
        raise UsageError(f"compacting json for seccomp profile ({path}) failed: {error}", usage=False) from None
