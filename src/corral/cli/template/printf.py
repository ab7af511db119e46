"""fmt.Sprintf for the values that templates have: %v %s %q %d %x %o %b %c %t %f %e %g %T; flags, width, precision."""

from __future__ import annotations

from collections.abc import Sequence

from corral.cli.kinds import go_quote
from corral.cli.template.values import show, type_name


def sprintf(template: str, values: Sequence[object]) -> str:
    out: list[str] = []
    at = 0
    used = 0
    while at < len(template):
        mark = template.find("%", at)
        if mark < 0:
            out.append(template[at:])
            break
        out.append(template[at:mark])
        at = mark + 1
        flags = ""
        while at < len(template) and template[at] in "+-# 0":
            flags += template[at]
            at += 1
        width, at, used = _size(template, at, values, used)
        precision = None
        if template[at : at + 1] == ".":
            precision, at, used = _size(template, at + 1, values, used)
            precision = precision or 0
        if at >= len(template):
            out.append("%!(NOVERB)")
            break
        verb = template[at]
        at += 1
        if verb == "%":
            out.append("%")
            continue
        if used >= len(values):
            out.append(f"%!{verb}(MISSING)")
            continue
        out.append(_pad(_one(verb, values[used], flags, precision), flags, width, verb))
        used += 1
    if used < len(values):
        extra = ", ".join(f"{type_name(value)}={show(value)}" for value in values[used:])
        out.append(f"%!(EXTRA {extra})")
    return "".join(out)


def _size(template: str, at: int, values: Sequence[object], used: int) -> tuple[int | None, int, int]:
    if template[at : at + 1] == "*":
        value = values[used] if used < len(values) else None
        return (value if isinstance(value, int) else None), at + 1, used + 1
    end = at
    while end < len(template) and template[end].isdigit():
        end += 1
    return (int(template[at:end]) if end > at else None), end, used


def _pad(text: str, flags: str, width: int | None, verb: str) -> str:
    if width is None:
        return text
    if width < 0 or "-" in flags:
        return text.ljust(abs(width))
    if "0" in flags and verb in "dxXobfeEgG":
        return text.zfill(width)
    return text.rjust(width)


def _one(verb: str, value: object, flags: str, precision: int | None) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if verb == "v":
        return go_quote(value) if "#" in flags and isinstance(value, str) else show(value)
    if verb == "T":
        return type_name(value)
    if verb in "sq" and not number and not isinstance(value, bool):
        text = show(value)
        text = text if precision is None else text[:precision]
        return go_quote(text) if verb == "q" else text
    if verb == "t" and isinstance(value, bool):
        return show(value)
    if isinstance(value, int) and not isinstance(value, bool) and verb in "dxXobcq":
        if verb in "cq":
            return f"'{chr(value)}'" if verb == "q" else chr(value)
        sign = "+" if "+" in flags else " " if " " in flags else ""
        alternate = "#" if "#" in flags else ""
        return format(value, f"{sign}{alternate}{verb}")
    if isinstance(value, float) and verb in "feEgG":
        sign = "+" if "+" in flags else ""
        return format(value, f"{sign}.{6 if precision is None else precision}{verb}")
    if isinstance(value, str) and verb in "xX":
        return value.encode().hex() if verb == "x" else value.encode().hex().upper()
    return f"%!{verb}({type_name(value)}={show(value)})"
