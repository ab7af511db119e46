"""Lists of objects as docker formats them: a table, JSON lines, a Go template, a table of a template, or ids only.

A ``View`` describes one kind of row: its columns with their headers. The default table needs no template engine; it is
imported when a template was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from corral.cli.errors import CliError
from corral.cli.output import Output
from corral.cli.table import align

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.cli.template import Template
    from corral.cli.template.values import Fields


class Column:
    """A field that a template may name. ``keyed`` ones take an argument: ``{{.Label "x"}}``; JSON leaves them out."""

    __slots__ = ("header", "keyed", "value")

    def __init__(self, header: str, value: Callable[..., object], *, keyed: bool = False) -> None:
        self.header = header
        self.value = value
        self.keyed = keyed


class View:
    """``columns`` by field name, ``default`` the names in the default table, ``quiet`` the one shown with -q.

    ``type_name`` is what errors call a row; ``raw`` are the ``label: field`` pairs of the format "raw".
    """

    __slots__ = ("columns", "default", "quiet", "raw", "type_name")

    def __init__(
        self,
        type_name: str,
        columns: dict[str, Column],
        default: Sequence[str],
        *,
        quiet: str = "",
        raw: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.type_name = type_name
        self.columns = columns
        self.default = default
        self.quiet = quiet
        self.raw = raw


def write_list(out: Output, view: View, rows: Iterable[object], layout: str = "", *, quiet: bool = False) -> None:
    """``layout`` is the text of --format. Raises CliError when it is no template."""
    layout = layout.strip() if layout in ("", "table") else layout
    if quiet and layout in ("", "table", "raw"):
        label = {field: label for label, field in view.raw}.get(view.quiet, "")
        for row in rows:
            value = f"{view.columns[view.quiet].value(row)}"
            out.line(f"{label}: {value}" if layout == "raw" else value)
    elif layout in ("", "table"):
        out.write(default_table(view, rows))
    elif layout == "raw" and view.raw:
        for row in rows:
            for label, field in view.raw:
                out.line(f"{label}: {view.columns[field].value(row)}".rstrip())
            out.line()
    else:
        _write_template(out, view, rows, layout)


def default_table(view: View, rows: Iterable[object]) -> str:
    columns = [view.columns[name] for name in view.default]
    lines = ["\t".join(column.header for column in columns)]
    lines += ["\t".join(f"{column.value(row)}" for column in columns) for row in rows]
    return align(lines)


def parse_template(layout: str) -> Template:
    """Raises CliError in docker's words."""
    from corral.cli.template import Template, TemplateError

    source = layout.replace("\\t", "\t").replace("\\n", "\n")
    try:
        return Template(source)
    except TemplateError as error:
        raise CliError(f"failed to parse template: {error}") from None


def _write_template(out: Output, view: View, rows: Iterable[object], layout: str) -> None:
    from corral.cli.rows import Headers, Row, header_functions
    from corral.cli.template import Template, TemplateError

    table = layout.startswith("table")
    source = "{{json .}}" if layout == "json" else layout.removeprefix("table").lstrip(" ") if table else layout
    template = parse_template(source)
    try:
        lines = [template.render(Row(view, row)) for row in rows]
        if table:
            header = Template(template.source, header_functions()).render(Headers(view))
            out.write(align([header, *lines]))
        else:
            for line in lines:
                out.line(line)
    except TemplateError as error:
        raise CliError(f"failed to execute template: {error}") from None


def render_fields(value: Fields, layout: str) -> str:
    """One object through a template. Raises CliError."""
    from corral.cli.template import TemplateError

    try:
        return parse_template(layout).render(value)
    except TemplateError as error:
        raise CliError(f"failed to execute template: {error}") from None
