"""--userns: whose ids keep-id keeps, only the client knows."""

from __future__ import annotations

import os

from corral.cli.errors import UsageError

__all__ = ["of_caller"]


def of_caller(mode: str) -> str:
    """``mode`` for the API: keep-id with the ids of who calls, behind sudo of who called that. Raises UsageError."""
    word, _, rest = mode.partition(":")
    if word != "keep-id":
        return mode
    options = {name: value for name, _, value in (part.partition("=") for part in rest.split(",") if part)}
    for name, sudo, own in (("uid", "SUDO_UID", os.getuid()), ("gid", "SUDO_GID", os.getgid())):
        options.setdefault(f"host{name}", str(own) if own else os.environ.get(sudo, "0"))
        options.setdefault(name, options[f"host{name}"])
    if options["hostuid"] == "0":
        raise UsageError("--userns: keep-id keeps the ids of a user other than root", usage=False)
    return f"keep-id:{','.join(f'{name}={value}' for name, value in options.items())}"
