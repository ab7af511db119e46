"""The tree of a parsed template. ``at`` is an offset into the source; ``str(node)`` is how errors quote it."""

from __future__ import annotations

from collections.abc import Sequence

from corral.cli.kinds import go_quote


class Node:
    __slots__ = ("at",)

    def __init__(self, at: int) -> None:
        self.at = at


# -- operands


class Dot(Node):
    __slots__ = ()

    def __str__(self) -> str:
        return "."


class Nil(Node):
    __slots__ = ()

    def __str__(self) -> str:
        return "nil"


class Literal(Node):
    """A string, number, character or boolean; ``source`` is how it was written."""

    __slots__ = ("source", "value")

    def __init__(self, at: int, source: str, value: object) -> None:
        super().__init__(at)
        self.source = source
        self.value = value

    def __str__(self) -> str:
        return self.source


class Field(Node):
    """``.A.B``: from the dot."""

    __slots__ = ("names",)

    def __init__(self, at: int, names: Sequence[str]) -> None:
        super().__init__(at)
        self.names = names

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


class Variable(Node):
    """``$x.A.B``."""

    __slots__ = ("name", "names")

    def __init__(self, at: int, name: str, names: Sequence[str] = ()) -> None:
        super().__init__(at)
        self.name = name
        self.names = names

    def __str__(self) -> str:
        return self.name + "".join(f".{name}" for name in self.names)


class Chain(Node):
    """``(pipeline).A.B``."""

    __slots__ = ("names", "operand")

    def __init__(self, at: int, operand: Node, names: Sequence[str]) -> None:
        super().__init__(at)
        self.operand = operand
        self.names = names

    def __str__(self) -> str:
        return str(self.operand) + "".join(f".{name}" for name in self.names)


class Function(Node):
    __slots__ = ("name",)

    def __init__(self, at: int, name: str) -> None:
        super().__init__(at)
        self.name = name

    def __str__(self) -> str:
        return self.name


class Call(Node):
    """One command of a pipeline: an operand, or a function or method with its arguments."""

    __slots__ = ("args",)

    def __init__(self, at: int, args: Sequence[Node]) -> None:
        super().__init__(at)
        self.args = args

    def __str__(self) -> str:
        return " ".join(f"({arg})" if isinstance(arg, Pipe) else str(arg) for arg in self.args)


class Pipe(Node):
    """``a | b | c``; its value is declared as (or assigned to) ``variables``."""

    __slots__ = ("assigns", "calls", "variables")

    def __init__(self, at: int, calls: Sequence[Call], variables: Sequence[str] = (), *, assigns: bool = False) -> None:
        super().__init__(at)
        self.calls = calls
        self.variables = variables
        self.assigns = assigns

    def __str__(self) -> str:
        declared = ", ".join(self.variables) + (" = " if self.assigns else " := ") if self.variables else ""
        return declared + " | ".join(str(call) for call in self.calls)


# -- what produces output


class Text(Node):
    __slots__ = ("text",)

    def __init__(self, at: int, text: str) -> None:
        super().__init__(at)
        self.text = text


class Action(Node):
    __slots__ = ("pipe",)

    def __init__(self, at: int, pipe: Pipe) -> None:
        super().__init__(at)
        self.pipe = pipe


class Branch(Node):
    """``if``, ``with`` or ``range`` (``word``): what to run, and what else."""

    __slots__ = ("body", "other", "pipe", "word")

    def __init__(self, at: int, word: str, pipe: Pipe, body: Sequence[Node], other: Sequence[Node]) -> None:
        super().__init__(at)
        self.word = word
        self.pipe = pipe
        self.body = body
        self.other = other


class Leave(Node):
    """``break`` or ``continue`` (``word``)."""

    __slots__ = ("word",)

    def __init__(self, at: int, word: str) -> None:
        super().__init__(at)
        self.word = word


class Invoke(Node):
    """``template "name" pipeline``."""

    __slots__ = ("name", "pipe")

    def __init__(self, at: int, name: str, pipe: Pipe | None) -> None:
        super().__init__(at)
        self.name = name
        self.pipe = pipe

    def __str__(self) -> str:
        return f"{{{{template {go_quote(self.name)}{f' {self.pipe}' if self.pipe else ''}}}}}"
