"""Help texts: of a verb, of a management command, of the whole program. Laid out as docker lays them out."""

from __future__ import annotations

import os
from collections.abc import Sequence

from corral.cli.command import Command
from corral.cli.flags import Flag
from corral.cli.verbs import COMMON, GROUPS, HIDDEN, OTHERS, Group, Verb

FALLBACK_WIDTH = 80
_NARROWEST_TEXT = 24


def terminal_width() -> int:
    try:
        return os.get_terminal_size(1).columns or FALLBACK_WIDTH
    except OSError:
        return FALLBACK_WIDTH


def usage_line(name: str, command: Command) -> str:
    """``Usage:  corral run [OPTIONS] IMAGE [COMMAND] [ARG...]``."""
    options = " [OPTIONS]" if any(not flag.hidden for flag in command.flags) else ""
    arguments = f" {command.arguments}" if command.arguments else ""
    return f"Usage:  {name}{options}{arguments}"


def verb_help(name: str, verb: Verb, command: Command, width: int) -> str:
    parts = [usage_line(name, command), "", verb.summary]
    if command.note:
        parts += ["", command.note]
    if len(verb.names) > 1:
        parts += ["", "Aliases:", "  " + ", ".join(f"corral {alias}" for alias in verb.names)]
    if any(not flag.hidden for flag in command.flags):
        parts += ["", "Options:", flag_lines(command.flags, width)]
    if command.examples:
        parts += ["", "Examples:"]
        for text, line in command.examples:
            parts += [f"  # {text}", f"  {line}"]
    return "\n".join(parts) + "\n"


def group_help(name: str, group: Group) -> str:
    lines = _summaries({name: verb.summary for name, verb in group.verbs.items() if name not in HIDDEN})
    return (
        f"Usage:  {name} COMMAND\n\n{group.summary}\n\nCommands:\n{lines}\n"
        f"\nRun '{name} COMMAND --help' for more information on a command.\n"
    )


def program_help(flags: Sequence[Flag], width: int) -> str:
    return (
        "Usage:  corral [OPTIONS] COMMAND\n\n"
        "A self-sufficient runtime for containers\n\n"
        f"Common Commands:\n{_summaries({name: verb.summary for name, verb in COMMON.items()})}\n\n"
        f"Management Commands:\n{_summaries({name: group.summary for name, group in GROUPS.items()})}\n\n"
        f"Commands:\n{_summaries({name: verb.summary for name, verb in OTHERS.items()})}\n\n"
        f"Global Options:\n{flag_lines(flags, width)}\n\n"
        "Environment:\n"
        "  CORRAL_HOST, DOCKER_HOST   Daemon socket to connect to, in this order\n"
        "  CORRAL_AUTOSTART=0         Do not start the daemon when nobody listens on the default socket\n\n"
        "Run 'corral COMMAND --help' for more information on a command.\n"
    )


def _summaries(entries: dict[str, str]) -> str:
    widest = max(len(name) for name in entries) + 2
    return "\n".join(f"  {name.ljust(max(widest, 12))}{summary}" for name, summary in sorted_unless_common(entries))


def sorted_unless_common(entries: dict[str, str]) -> list[tuple[str, str]]:
    """The common commands stand in the order in which people need them, the others in the alphabet's."""
    return list(entries.items()) if set(entries) == set(COMMON) else sorted(entries.items())


def flag_lines(flags: Sequence[Flag], width: int) -> str:
    """One entry per flag, sorted by name, its text wrapped in a column of its own."""
    shown = sorted((flag for flag in flags if not flag.hidden), key=lambda flag: flag.name)
    heads = [_head(flag) for flag in shown]
    indent = max(len(head) for head in heads) + 3
    lines: list[str] = []
    for head, flag in zip(heads, shown, strict=True):
        text = flag.usage + (f" (default {flag.shown})" if flag.shown is not None else "")
        room = width - indent - 1
        if room < _NARROWEST_TEXT:
            lines.append(head)
            lines += [" " * 16 + line for line in wrap(text, max(width - 17, _NARROWEST_TEXT))]
            continue
        first, *rest = wrap(text, room)
        lines.append(head.ljust(indent) + first)
        lines += [" " * indent + line for line in rest]
    return "\n".join(lines)


def _head(flag: Flag) -> str:
    short = f"-{flag.short}, " if flag.short else "    "
    return f"  {short}--{flag.name}" + (f" {flag.kind.word}" if flag.kind.word else "")


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters; line ends that are in the text stay; a longer word stays whole."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = paragraph
        while len(line) > width:
            cut = line.rfind(" ", 0, width + 1)
            if cut <= 0:
                break
            lines.append(line[:cut].rstrip())
            line = line[cut + 1 :]
        lines.append(line)
    return lines
