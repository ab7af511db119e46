"""The default profile is loaded before a process needs it: upgrades of the host unload what they do not know."""

from __future__ import annotations

import asyncio
from typing import Final

from corral.engine.container.context import Engine
from corral.engine.spec.security import UNCONFINED
from corral.errors import CorralError, Internal
from corral.runtime.security.apparmor import host as apparmor

__all__ = ["ensure_profile"]

_NONE: Final = ("", UNCONFINED)


async def ensure_profile(engine: Engine, profile: str) -> None:
    """``profile``: what a process is to be under; others than the default one are not ours.

    Raises Internal in Docker's words.
    """
    if profile in _NONE or profile != engine.host.apparmor or profile in apparmor.profiles():
        return
    try:
        await asyncio.to_thread(apparmor.install, engine.exec.apparmor)
    except (CorralError, OSError) as error:
        raise Internal(f"AppArmor enabled on system but the {profile} profile could not be loaded: {error}") from error
