"""Tokens to a tree, with Go's words for what is wrong."""

from __future__ import annotations

from collections.abc import Container

from corral.cli.kinds import go_quote, parse_int
from corral.cli.template import lexer, nodes
from corral.cli.template.errors import TemplateError
from corral.cli.template.lexer import Token


class Parser:
    """One template's source. ``functions`` are the names that exist; ``defined`` collects ``define`` and ``block``."""

    def __init__(self, source: str, functions: Container[str]) -> None:
        self.source = source
        self.functions = functions
        self.defined: dict[str, list[nodes.Node]] = {}
        self._tokens = list(lexer.tokens(source))
        self._next = 0
        self._variables = ["$"]
        self._loops = 0

    # -- tokens

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _solid(self) -> Token:
        """The next token that is not space, not consumed."""
        while self._peek().kind == lexer.SPACE:
            self._next += 1
        return self._peek()

    def _fail(self, token: Token, message: str) -> TemplateError:
        return TemplateError(f"template: :{lexer.line_of(self.source, token.at)}: {message}")

    def _unexpected(self, token: Token, where: str) -> TemplateError:
        shown = {lexer.END: '"}}"', lexer.EOF: "EOF", lexer.DOT: "<.>"}.get(token.kind)
        if shown is None:
            special = token.kind == lexer.NAME and token.text in (
                "if",
                "range",
                "with",
                "end",
                "else",
                "define",
                "template",
            )
            shown = f"<{token.text}>" if special else go_quote(token.text)
        return self._fail(token, f"unexpected {shown} in {where}")

    # -- lists of nodes

    def parse(self) -> list[nodes.Node]:
        """The whole template. Raises TemplateError."""
        found, end = self._list(())
        if end is not None:
            raise self._fail(end, f"unexpected {{{{{end.text}}}}}")
        return found

    def _list(self, enders: tuple[str, ...]) -> tuple[list[nodes.Node], Token | None]:
        """Nodes up to an action that begins with ``end`` or ``else`` (its first token is returned) or to the end."""
        found: list[nodes.Node] = []
        while True:
            token = self._peek()
            if token.kind == lexer.EOF:
                if enders:
                    raise self._fail(token, "unexpected EOF")
                return found, None
            if token.kind == lexer.TEXT:
                self._take()
                found.append(nodes.Text(token.at, token.text))
                continue
            token = self._solid()
            if token.kind == lexer.NAME and token.text in ("end", "else"):
                self._take()
                if token.text not in enders:
                    raise self._fail(token, f"unexpected {{{{{token.text}}}}}")
                return found, token
            node = self._statement(token)
            if node is not None:
                found.append(node)

    def _end_of_action(self, where: str) -> None:
        token = self._solid()
        if token.kind != lexer.END:
            raise self._unexpected(token, where)
        self._take()

    def _statement(self, token: Token) -> nodes.Node | None:
        if token.kind == lexer.NAME:
            word = token.text
            if word in ("if", "with", "range"):
                self._take()
                return self._branch(word, token)
            if word in ("break", "continue") and word not in self.functions:
                self._take()
                if not self._loops:
                    raise self._fail(token, f"{{{{{word}}}}} outside {{{{range}}}}")
                self._end_of_action(f"{{{{{word}}}}}")
                return nodes.Leave(token.at, word)
            if word in ("define", "block", "template"):
                self._take()
                return self._named(word)
        if token.kind == lexer.END:
            raise self._fail(token, "missing value for command")
        return nodes.Action(token.at, self._pipeline("command", lexer.END))

    def _branch(self, word: str, token: Token) -> nodes.Branch:
        scope = len(self._variables)
        pipe = self._pipeline(word, lexer.END)
        self._loops += word == "range"
        body, end = self._list(("end", "else"))
        self._loops -= word == "range"
        other: list[nodes.Node] = []
        if end is not None and end.text == "else":
            following = self._solid()
            if following.kind == lexer.NAME and following.text == word and word != "range":
                self._take()
                other = [self._branch(word, following)]
                del self._variables[scope:]
                return nodes.Branch(token.at, word, pipe, body, other)
            self._end_of_action("{{else}}")
            other, _ = self._list(("end",))
        self._end_of_action("{{end}}")
        del self._variables[scope:]
        return nodes.Branch(token.at, word, pipe, body, other)

    def _named(self, word: str) -> nodes.Node | None:
        name = self._solid()
        if name.kind != lexer.STRING:
            raise self._unexpected(name, f"{word} clause")
        self._take()
        title = unquote(name.text)
        if word == "template":
            has_pipe = self._solid().kind != lexer.END
            pipe = self._pipeline(word, lexer.END) if has_pipe else None
            if pipe is None:
                self._end_of_action("template clause")
            return nodes.Invoke(name.at, title, pipe)
        pipe = self._pipeline("block clause", lexer.END) if word == "block" else None
        if pipe is None:
            self._end_of_action("define clause")
        outer, self._variables = self._variables, ["$"]
        body, _ = self._list(("end",))
        self._variables = outer
        self._end_of_action("{{end}}")
        self.defined[title] = body
        return nodes.Invoke(name.at, title, pipe) if word == "block" else None

    # -- pipelines

    def _pipeline(self, where: str, closer: str) -> nodes.Pipe:
        start = self._solid()
        variables, assigns = self._declaration(where)
        calls: list[nodes.Call] = []
        while True:
            token = self._solid()
            if token.kind == closer or (closer == ")" and token.text == ")" and token.kind == lexer.SYMBOL):
                self._take()
                break
            if (token.kind == lexer.SYMBOL and token.text in ")|,=:=") or token.kind in (lexer.END, lexer.EOF):
                raise self._unexpected(token, where)
            calls.append(self._call(where))
        if not calls:
            raise self._fail(start, f"missing value for {where}")
        for call in calls[1:]:
            if isinstance(call.args[0], (nodes.Dot, nodes.Nil, nodes.Literal)):
                raise self._fail(start, f"non executable command in pipeline stage {calls.index(call) + 1}")
        if not assigns:
            self._variables += variables
        return nodes.Pipe(start.at, calls, variables, assigns=assigns)

    def _declaration(self, where: str) -> tuple[list[str], bool]:
        """``$x :=``, ``$x =`` or, in a range, ``$i, $x :=``; otherwise nothing is consumed."""
        mark = self._next
        names: list[str] = []
        while self._solid().kind == lexer.VARIABLE:
            names.append(self._take().text)
            symbol = self._solid()
            if symbol.kind == lexer.SYMBOL and symbol.text in (":=", "="):
                self._take()
                if symbol.text == "=":
                    for name in names:
                        if name not in self._variables:
                            raise self._fail(symbol, f"undefined variable {go_quote(name)}")
                return names, symbol.text == "="
            if symbol.kind == lexer.SYMBOL and symbol.text == "," and where == "range" and len(names) < 2:
                self._take()
                continue
            if symbol.kind == lexer.SYMBOL and symbol.text == ",":
                raise self._fail(symbol, f"too many declarations in {where}")
            break
        self._next = mark
        return [], False

    def _call(self, where: str) -> nodes.Call:
        start = self._solid()
        args: list[nodes.Node] = []
        while True:
            operand = self._operand(where)
            if operand is None:
                break
            args.append(operand)
            token = self._peek()
            if token.kind == lexer.SPACE:
                continue
            if token.kind == lexer.END or (token.kind == lexer.SYMBOL and token.text in ")|"):
                break
            raise self._unexpected(token, "operand")
        token = self._solid()
        if token.kind == lexer.SYMBOL and token.text == "|":
            self._take()
            after = self._solid()
            if after.kind == lexer.END or (after.text in (")", "|") and after.kind == lexer.SYMBOL):
                raise self._fail(after, f"missing value for {where}")
        if not args:
            raise self._fail(start, "empty command")
        return nodes.Call(start.at, args)

    def _operand(self, where: str) -> nodes.Node | None:
        node = self._term(where)
        if node is None:
            return None
        if self._peek().kind == lexer.FIELD:
            first = self._peek()
            names: list[str] = []
            while self._peek().kind == lexer.FIELD:
                names.append(self._take().text[1:])
            if isinstance(node, nodes.Field):
                return nodes.Field(first.at, [*node.names, *names])
            if isinstance(node, nodes.Variable):
                return nodes.Variable(first.at, node.name, [*node.names, *names])
            if isinstance(node, (nodes.Literal, nodes.Nil, nodes.Dot)):
                raise self._fail(first, f"unexpected . after term {go_quote(str(node))}")
            return nodes.Chain(first.at, node, names)
        return node

    def _term(self, where: str) -> nodes.Node | None:
        token = self._solid()
        kind, text = token.kind, token.text
        if kind == lexer.END or (kind == lexer.SYMBOL and text in (")", "|")):
            return None
        self._take()
        if kind == lexer.FIELD:
            return nodes.Field(token.at, [text[1:]])
        if kind == lexer.DOT:
            return nodes.Dot(token.at)
        if kind == lexer.VARIABLE:
            if text not in self._variables:
                raise self._fail(token, f"undefined variable {go_quote(text)}")
            return nodes.Variable(token.at, text)
        if kind == lexer.STRING:
            return nodes.Literal(token.at, text, unquote(text))
        if kind == lexer.CHAR:
            return nodes.Literal(token.at, text, ord(unquote('"' + text[1:-1] + '"')))
        if kind == lexer.NUMBER:
            return nodes.Literal(token.at, text, self._number(token))
        if kind == lexer.NAME:
            return self._name(token)
        if kind == lexer.SYMBOL and text == "(":
            return self._pipeline("parenthesized pipeline", ")")
        raise self._unexpected(token, where)

    def _name(self, token: Token) -> nodes.Node:
        if token.text in ("true", "false"):
            return nodes.Literal(token.at, token.text, token.text == "true")
        if token.text == "nil":
            return nodes.Nil(token.at)
        if token.text not in self.functions:
            raise self._fail(token, f"function {go_quote(token.text)} not defined")
        return nodes.Function(token.at, token.text)

    def _number(self, token: Token) -> int | float:
        try:
            return parse_int(token.text)
        except ValueError:
            pass
        try:
            return float(token.text)
        except ValueError:
            raise self._fail(token, f"bad number syntax: {go_quote(token.text)}") from None


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def unquote(text: str) -> str:
    """The string that a quoted or raw Go literal stands for."""
    if text.startswith("`"):
        return text[1:-1]
    out: list[str] = []
    at = 1
    while at < len(text) - 1:
        character = text[at]
        if character != "\\":
            out.append(character)
            at += 1
            continue
        code = text[at + 1]
        size = {"x": 2, "u": 4, "U": 8}.get(code)
        if size:
            out.append(chr(int(text[at + 2 : at + 2 + size], 16)))
            at += 2 + size
        elif code in "01234567":
            out.append(chr(int(text[at + 1 : at + 4], 8)))
            at += 4
        else:
            out.append(_ESCAPES.get(code, code))
            at += 2
    return "".join(out)
