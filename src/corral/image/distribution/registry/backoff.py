"""When a request that failed is made again."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable

from corral.image.distribution.registry.config import Patience
from corral.image.distribution.registry.faults import Fault, Refused


def delay(attempt: int, fault: Fault, patience: Patience, chance: Callable[[], float] = random.random) -> float:
    """Seconds before the next attempt after the ``attempt``-th (from 1): doubled each time, half of it by chance, so
    that clients that failed together do not come back together; what the server asks for, up to a limit."""
    grown: float = min(patience.backoff * 2.0 ** (attempt - 1), patience.longest_backoff)
    wanted = grown * (0.5 + 0.5 * chance())
    asked = retry_after(fault.retry_after) if isinstance(fault, Refused) else None
    return min(max(wanted, asked or 0), patience.longest_backoff)


def retry_after(text: str, now: Callable[[], float] = time.time) -> float | None:
    """Seconds, from either form of the header (RFC 9110 section 10.2.3); None when it is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - now(), 0)
    except (ValueError, TypeError, OverflowError):
        return None
