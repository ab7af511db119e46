"""Where corral answers differently from Docker 28 on purpose, and why. The same list stands in docs/compatibility.md.

A key is ``(scenario, command)``; the reason is one line. A step that is listed here and does not differ any more fails
the test, so the list cannot go stale.
"""

from __future__ import annotations

DIFFERENCES: dict[tuple[str, str], str] = {}
