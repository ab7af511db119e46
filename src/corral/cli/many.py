"""One operation on many objects: all requests are on their way before the first answer is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from corral.cli.output import error_line
from corral.cli.session import Session
from corral.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.api import Pending

AT_ONCE = 50


def each(session: Session, names: Sequence[str], begin: Callable[[str], Pending], *, prefix: str = "") -> list[str]:
    """Prints the names of which it went well, in their order, then the errors; returns the names that failed."""
    failed: list[str] = []
    errors: list[str] = []
    for start in range(0, len(names), AT_ONCE):
        batch = names[start : start + AT_ONCE]
        # Negotiation happens once, before there are many connections.
        _ = session.api.prefix
        for name, pending in [(name, _begin(begin, name)) for name in batch]:
            try:
                if isinstance(pending, ClientError):
                    raise pending
                pending.finish()
            except ClientError as error:
                failed.append(name)
                errors.append(f"{prefix}{error}")
                continue
            session.out.line(name)
        session.out.flush()
    for line in errors:
        error_line(line)
    return failed


def _begin(begin: Callable[[str], Pending], name: str) -> Pending | ClientError:
    try:
        return begin(name)
    except ClientError as error:
        return error
