"""What a verb's module declares: its flags, how many arguments, its help, and the function that does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from corral.cli.flags import Flag, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.cli.session import Session

    Run = Callable[[Session, Options, list[str]], int]


class Command:
    """One verb. ``arguments`` ends the usage line, ``least`` and ``most`` count them, ``run`` returns the exit code.

    ``passes_flags``: everything after the verb is an argument, also what looks like a flag.
    """

    __slots__ = ("arguments", "examples", "flags", "interspersed", "least", "most", "note", "passes_flags", "run")

    def __init__(
        self,
        run: Run,
        *,
        arguments: str = "",
        flags: Sequence[Flag] = (),
        least: int = 0,
        most: int | None = 0,
        interspersed: bool = True,
        examples: Sequence[tuple[str, str]] = (),
        note: str = "",
        passes_flags: bool = False,
    ) -> None:
        self.run = run
        self.arguments = arguments
        self.flags = flags
        self.least = least
        self.most = most
        self.interspersed = interspersed
        self.examples = examples
        self.note = note
        self.passes_flags = passes_flags

    def miscounted(self, count: int) -> str | None:
        """What is wrong with ``count`` arguments, in docker's words, or None."""
        if self.least <= count and (self.most is None or count <= self.most):
            return None
        if self.most == 0:
            return "accepts no arguments"
        if self.least == self.most:
            return f"requires {_arguments(self.least)}"
        if count < self.least and self.most is None:
            return f"requires at least {_arguments(self.least)}"
        if self.least == 0:
            return f"requires at most {_arguments(self.most or 0)}"
        return f"requires at least {self.least} and at most {_arguments(self.most or 0)}"


def _arguments(count: int) -> str:
    return f"{count} argument" + ("" if count == 1 else "s")
