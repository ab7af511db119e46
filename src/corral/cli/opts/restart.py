"""--restart: ``no``, ``always``, ``on-failure[:5]``, ``unless-stopped``."""

from __future__ import annotations

from corral.cli.errors import UsageError


def restart_policy(text: str) -> dict[str, object]:
    """The API's RestartPolicy; which names exist is the daemon's business. Raises UsageError."""
    name, colon, count = text.partition(":")
    if not colon:
        return {"Name": name} if name else {}
    if not name:
        raise UsageError("invalid restart policy format: no policy provided before colon", usage=False)
    if ":" in count:
        raise UsageError("invalid restart policy format: too many ':'", usage=False)
    if not count.lstrip("-").isdigit():
        raise UsageError("invalid restart policy format: maximum retry count must be an integer", usage=False)
    return {"Name": name, "MaximumRetryCount": int(count)}
