"""The supervisor's own faults: one line each on standard error, which is EXEC-ROOT/supervisor.log. Never fails."""

from __future__ import annotations

import os
import time


def report(what: str, error: BaseException | None = None, **facts: object) -> None:
    """``what``: a few words; ``facts`` become ``key=value``; an error's traceback is folded into the line."""
    parts = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), f"pid={os.getpid()}", what]
    parts += [f"{key}={value}" for key, value in facts.items()]
    if error is not None:
        parts.append(f"error={type(error).__name__}: {error}".replace("\n", " "))
        parts.append("at=" + _places(error))
    try:
        os.write(2, (" ".join(parts) + "\n").encode(errors="backslashreplace"))
    except OSError:
        return


def _places(error: BaseException) -> str:
    """Innermost first. (The traceback module would cost four milliseconds of start-up.)"""
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return "<".join(reversed(places))
