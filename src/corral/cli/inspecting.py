"""What all inspect verbs share: objects by reference, as JSON or through a template, then the errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from corral.cli.errors import CliError
from corral.cli.jsontext import compact, indent
from corral.cli.session import Session
from corral.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.cli.template import Template


class Found:
    """One object: its JSON as it came, and the Go type that templates see."""

    __slots__ = ("kind", "raw")

    def __init__(self, raw: bytes, kind: str) -> None:
        self.raw = raw
        self.kind = kind


def inspect(session: Session, refs: Iterable[str], layout: str, find: Callable[[str], Found]) -> int:
    """Raises CliError with all that went wrong, after everything that was found is printed."""
    template = _parse(layout) if layout not in ("", "json") else None
    shown: list[str] = []
    errors: list[str] = []
    for ref in refs:
        try:
            found = find(ref)
            text = found.raw.decode("utf-8", "surrogateescape")
            shown.append(_render(template, text, found.kind) + "\n" if template else text)
        except ClientError as error:
            errors.append(str(error))
        except CliError as error:
            if template:
                shown.append("\n")
            errors.append(str(error))
    if template:
        session.out.write("".join(shown) or "\n")
    else:
        joined = f"[{','.join(shown)}]"
        session.out.line(indent(joined) if layout == "" else compact(joined))
    if errors:
        session.out.flush()
        raise CliError("\n".join(errors))
    return 0


def _parse(layout: str) -> Template:
    from corral.cli.template import Template, TemplateError

    try:
        return Template(layout)
    except TemplateError as error:
        raise CliError(f"template parsing error: {error}", exit_code=64) from None


def _render(template: Template, text: str, kind: str) -> str:
    """First over Go's types; when a field is not there, over the JSON itself, as docker does it."""
    from corral.cli.schema import typed
    from corral.cli.template import TemplateError

    value = json.loads(text)
    try:
        return template.render(typed(value, kind))
    except TemplateError:
        pass
    try:
        return template.render(value, strict=True)
    except TemplateError as error:
        raise CliError(f"template parsing error: {error}") from None
