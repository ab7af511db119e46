"""Running a parsed template over a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from corral.cli.kinds import go_quote
from corral.cli.template import nodes
from corral.cli.template.errors import TemplateError
from corral.cli.template.functions import FUNCTIONS, Function
from corral.cli.template.parse import Parser
from corral.cli.template.values import (
    NO_VALUE,
    Fields,
    Method,
    MissingField,
    NilPointer,
    printed,
    truth,
    type_name,
)

_DEPTH = 1000
_NO_FUNCTION = "has arguments but cannot be invoked as function"


class _Located(TemplateError):
    """Carries its place already."""


class _Left(Exception):
    """Control flow: break or continue."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Template:
    """A parsed template; ``render`` as often as needed. ``name`` is for its errors. Parsing raises TemplateError."""

    def __init__(self, source: str, extra: Mapping[str, Function] | None = None, *, name: str = "") -> None:
        self.source = source
        self.name = name
        self.functions = {**FUNCTIONS, **extra} if extra else FUNCTIONS
        parser = Parser(source, {*self.functions, "and", "or"})
        self.body = parser.parse()
        self.defined = parser.defined

    def render(self, value: object, *, strict: bool = False) -> str:
        """``strict`` makes a missing key of a map an error. Raises TemplateError."""
        run = _Run(self, value, strict)
        run.execute(self.body, value)
        return "".join(run.out)

    def mentions(self, name: str) -> bool:
        """The template names the field ``name`` somewhere: whether a costly value has to be asked for."""
        return f".{name}" in self.source


class _Run:
    def __init__(self, template: Template, data: object, strict: bool) -> None:
        self.template = template
        self.strict = strict
        self.out: list[str] = []
        self.variables: list[tuple[str, object]] = [("$", data)]
        self.depth = 0

    def fail(self, node: nodes.Node, message: str) -> TemplateError:
        source, name = self.template.source, self.template.name
        line = source.count("\n", 0, node.at) + 1
        column = node.at - (source.rfind("\n", 0, node.at) + 1)
        shown = str(node)
        shown = f"{shown[:20]}..." if len(shown) > 20 else shown
        return _Located(f'template: {name}:{line}:{column}: executing "{name}" at <{shown}>: {message}')

    # -- statements

    def execute(self, body: Iterable[nodes.Node], dot: object) -> None:
        for node in body:
            if isinstance(node, nodes.Text):
                self.out.append(node.text)
            elif isinstance(node, nodes.Action):
                value = self.pipe(node.pipe, dot)
                if not node.pipe.variables:
                    self.out.append(printed(value))
            elif isinstance(node, nodes.Branch):
                self.branch(node, dot)
            elif isinstance(node, nodes.Leave):
                raise _Left(node.word)
            elif isinstance(node, nodes.Invoke):
                self.invoke(node, dot)

    def branch(self, node: nodes.Branch, dot: object) -> None:
        mark = len(self.variables)
        if node.word == "range":
            self.loop(node, dot)
        else:
            value = self.pipe(node.pipe, dot)
            if truth(value):
                self.execute(node.body, value if node.word == "with" else dot)
            else:
                self.execute(node.other, dot)
        del self.variables[mark:]

    def loop(self, node: nodes.Branch, dot: object) -> None:
        value = self.pipe(node.pipe, dot, declare=False)
        names = node.pipe.variables
        entries: list[tuple[object, object]]
        if isinstance(value, dict):
            entries = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, (list, tuple)):
            entries = list(enumerate(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            entries = [(number, number) for number in range(value)]
        elif value is None or value is NO_VALUE or isinstance(value, NilPointer):
            entries = []
        else:
            raise self.fail(node.pipe, f"range can't iterate over {printed(value)}")
        if not entries:
            self.execute(node.other, dot)
        for key, item in entries:
            mark = len(self.variables)
            given = (item,) if len(names) == 1 else (key, item)
            for name, each in zip(names, given, strict=False):
                if node.pipe.assigns:
                    self.assign(name, each)
                else:
                    self.variables.append((name, each))
            try:
                self.execute(node.body, item)
            except _Left as left:
                if left.word == "break":
                    break
            finally:
                del self.variables[mark:]

    def invoke(self, node: nodes.Invoke, dot: object) -> None:
        body = self.template.defined.get(node.name)
        if body is None:
            raise self.fail(node, f"template {go_quote(node.name)} not defined")
        value = self.pipe(node.pipe, dot) if node.pipe else None
        self.depth += 1
        if self.depth > _DEPTH:
            raise self.fail(node, f"exceeded maximum template depth ({_DEPTH})")
        outer, self.variables = self.variables, [("$", value)]
        self.execute(body, value)
        self.variables = outer
        self.depth -= 1

    # -- pipelines

    def assign(self, name: str, value: object) -> None:
        for place in range(len(self.variables) - 1, -1, -1):
            if self.variables[place][0] == name:
                self.variables[place] = (name, value)
                return

    def pipe(self, node: nodes.Pipe, dot: object, *, declare: bool = True) -> object:
        value: object = NO_VALUE
        for place, call in enumerate(node.calls):
            value = self.call(call, dot, [value] if place else [])
        if declare:
            for name in node.variables:
                if node.assigns:
                    self.assign(name, value)
                else:
                    self.variables.append((name, value))
        return value

    def call(self, node: nodes.Call, dot: object, piped: Sequence[object]) -> object:
        first = node.args[0]
        if isinstance(first, nodes.Function):
            return self.function(first, node, dot, piped)
        if isinstance(first, (nodes.Field, nodes.Variable, nodes.Chain)):
            base, names = self.base(first, dot)
            return self.fields(first, base, names, node.args[1:], dot, piped)
        if len(node.args) > 1 or piped:
            raise self.fail(first, f"can't give argument to non-function {first}")
        if isinstance(first, nodes.Nil):
            raise self.fail(first, "nil is not a command")
        return self.value(first, dot)

    def function(self, first: nodes.Function, node: nodes.Call, dot: object, piped: Sequence[object]) -> object:
        if first.name in ("and", "or"):
            return self.logic(first, node, dot, piped)
        args = [self.value(arg, dot) for arg in node.args[1:]]
        args += piped
        args = [None if value is NO_VALUE else value for value in args]
        try:
            return self.template.functions[first.name](*args)
        except _Located:
            raise
        except TemplateError as error:
            raise self.fail(node, f"error calling {first.name}: {error}") from None
        except TypeError:
            raise self.fail(first, f"wrong number of args for {first.name}: got {len(args)}") from None

    def logic(self, first: nodes.Function, node: nodes.Call, dot: object, piped: Sequence[object]) -> object:
        """``and`` and ``or`` stop at the first argument that decides."""
        if len(node.args) < 2 and not piped:
            raise self.fail(first, f"wrong number of args for {first.name}: want at least 1 got 0")
        value: object = NO_VALUE
        for arg in node.args[1:]:
            value = self.value(arg, dot)
            if truth(value) == (first.name == "or"):
                return value
        return piped[0] if piped else value

    # -- operands

    def value(self, node: nodes.Node, dot: object) -> object:
        if isinstance(node, nodes.Dot):
            return dot
        if isinstance(node, nodes.Literal):
            return node.value
        if isinstance(node, nodes.Nil):
            return None
        if isinstance(node, nodes.Pipe):
            return self.pipe(node, dot)
        if isinstance(node, nodes.Function):
            return self.function(node, nodes.Call(node.at, [node]), dot, ())
        base, names = self.base(node, dot)
        return self.fields(node, base, names, (), dot, ())

    def base(self, node: nodes.Node, dot: object) -> tuple[object, Sequence[str]]:
        if isinstance(node, nodes.Field):
            return dot, node.names
        if isinstance(node, nodes.Variable):
            for name, value in reversed(self.variables):
                if name == node.name:
                    return value, node.names
            raise self.fail(node, f"undefined variable: {node.name}")
        if isinstance(node, nodes.Chain):
            return self.value(node.operand, dot), node.names
        raise self.fail(node, f"can't evaluate {node}")

    def fields(
        self,
        node: nodes.Node,
        value: object,
        names: Sequence[str],
        args: Sequence[nodes.Node],
        dot: object,
        piped: Sequence[object],
    ) -> object:
        for place, name in enumerate(names):
            receiver = value
            value = self.field(node, value, name)
            last = place == len(names) - 1
            if isinstance(value, Method):
                given = [*(self.value(arg, dot) for arg in args), *piped] if last else []
                try:
                    value = value.call(*given)
                except TypeError:
                    raise self.fail(node, f"wrong number of args for {name}: want 1 got {len(given)}") from None
            elif last and (args or piped):
                why = "is not a method but has arguments" if isinstance(receiver, dict) else _NO_FUNCTION
                raise self.fail(node, f"{name} {why}")
        return value

    def field(self, node: nodes.Node, value: object, name: str) -> object:
        if isinstance(value, Fields):
            try:
                return value.field(name)
            except MissingField as error:
                raise self.fail(node, str(error)) from None
        if isinstance(value, dict):
            if name in value:
                return value[name]
            if self.strict:
                raise self.fail(node, f"map has no entry for key {go_quote(name)}")
            return NO_VALUE
        if isinstance(value, NilPointer):
            raise self.fail(node, f"nil pointer evaluating interface {{}}.{name}")
        if value is None or value is NO_VALUE:
            raise self.fail(
                node,
                f"nil data; no entry for key {go_quote(name)}"
                if value is None
                else f"nil pointer evaluating interface {{}}.{name}",
            )
        kind = "interface {}" if self.strict else type_name(value)
        raise self.fail(node, f"can't evaluate field {name} in type {kind}")
