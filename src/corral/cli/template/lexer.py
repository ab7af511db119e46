"""Template text to tokens. Outside of ``{{ }}`` everything is text; ``{{- `` and `` -}}`` trim the text around."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from corral.cli.template.errors import TemplateError

LEFT, RIGHT = "{{", "}}"
SPACES = " \t\r\n"

TEXT, FIELD, VARIABLE, NAME, STRING, NUMBER, CHAR, DOT, SYMBOL, SPACE, END, EOF = (
    "text", "field", "variable", "name", "string", "number", "char", "dot", "symbol", "space", "end", "eof",
)  # fmt: skip


class Token:
    """``kind``, its source ``text`` and where it begins (an offset into the template)."""

    __slots__ = ("at", "kind", "text")

    def __init__(self, kind: str, text: str, at: int) -> None:
        self.kind = kind
        self.text = text
        self.at = at

    def __repr__(self) -> str:
        return f"{self.kind}:{self.text}"


def line_of(source: str, at: int) -> int:
    return source.count("\n", 0, at) + 1


def _fail(source: str, at: int, message: str) -> TemplateError:
    return TemplateError(f"template: :{line_of(source, at)}: {message}")


def tokens(source: str) -> Iterator[Token]:
    """Every token; an action is everything between two END tokens. Raises TemplateError."""
    at = 0
    trim = False
    while True:
        start = source.find(LEFT, at)
        text_end = len(source) if start < 0 else start
        text = source[at:text_end]
        if trim:
            text = text.lstrip(SPACES)
        inner = start + len(LEFT)
        trims_left = start >= 0 and source[inner : inner + 1] == "-" and source[inner + 1 : inner + 2] in tuple(SPACES)
        if trims_left:
            text = text.rstrip(SPACES)
            inner += 2
        if text:
            yield Token(TEXT, text, at)
        if start < 0:
            yield Token(EOF, "", len(source))
            return
        if source.startswith("/*", inner):
            at, trim = _comment(source, inner)
            continue
        at = yield from _action(source, inner)
        trim = source[at - len(RIGHT) - 1 : at - len(RIGHT)] == "-" and source[at - len(RIGHT) - 2] in SPACES


def _comment(source: str, at: int) -> tuple[int, bool]:
    end = source.find("*/", at)
    if end < 0:
        raise _fail(source, at, "unclosed comment")
    end += 2
    if source.startswith(RIGHT, end):
        return end + len(RIGHT), False
    if source[end : end + 1] in tuple(SPACES) and source.startswith("-" + RIGHT, end + 1):
        return end + 2 + len(RIGHT), True
    raise _fail(source, at, "comment ends before closing delimiter")


def _action(source: str, at: int) -> Generator[Token, None, int]:
    """Tokens up to the closing delimiter; returns (as the generator's value) the offset behind it."""
    depth = 0
    while True:
        if source.startswith(RIGHT, at) or (
            source[at : at + 1] in tuple(SPACES) and source.startswith("-" + RIGHT, at + 1)
        ):
            if depth:
                raise _fail(source, at, "unclosed left paren")
            at += len(RIGHT) if source.startswith(RIGHT, at) else 2 + len(RIGHT)
            yield Token(END, RIGHT, at)
            return at
        if at >= len(source):
            raise _fail(source, at, "unclosed action")
        token = _token(source, at)
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == SYMBOL else 0
        if depth < 0:
            raise _fail(source, at, "unexpected right paren")
        yield token
        at += len(token.text)


def _token(source: str, at: int) -> Token:
    character = source[at]
    following = source[at + 1 : at + 2]
    if character in SPACES:
        end = at
        while end < len(source) and source[end] in SPACES and not source.startswith("-" + RIGHT, end + 1):
            end += 1
        return Token(SPACE, source[at : max(end, at + 1)], at)
    if character == '"':
        return Token(STRING, _quoted(source, at), at)
    if character == "`":
        end = source.find("`", at + 1)
        if end < 0:
            raise _fail(source, at, "unterminated raw quoted string")
        return Token(STRING, source[at : end + 1], at)
    if character == "'":
        return Token(CHAR, _character(source, at), at)
    if character == "." and not following.isdigit():
        end = _word(source, at + 1)
        return Token(FIELD, source[at:end], at) if end > at + 1 else Token(DOT, ".", at)
    if character == "$":
        return Token(VARIABLE, source[at : _word(source, at + 1)], at)
    if character.isdigit() or (character in "+-." and (following.isdigit() or following == ".")):
        return Token(NUMBER, _number(source, at), at)
    if character == "_" or character.isalnum():
        end = _word(source, at)
        if source[end : end + 1] not in ("", ".", ",", "|", ":", "=", "(", ")", *SPACES) and not source.startswith(
            RIGHT, end
        ):
            raise _fail(source, end, f"bad character {_describe(source[end])}")
        return Token(NAME, source[at:end], at)
    if source.startswith(":=", at):
        return Token(SYMBOL, ":=", at)
    if character in "=|(),":
        return Token(SYMBOL, character, at)
    raise _fail(
        source,
        at,
        f"unexpected {_describe(character)} in command"
        if character in "{}"
        else f"unrecognized character in action: {_describe(character)}",
    )


def _describe(character: str) -> str:
    return f"U+{ord(character):04X} '{character}'"


def _word(source: str, at: int) -> int:
    while at < len(source) and (source[at] == "_" or source[at].isalnum()):
        at += 1
    return at


def _quoted(source: str, at: int) -> str:
    end = at + 1
    while end < len(source) and source[end] not in '"\n':
        end += 2 if source[end] == "\\" else 1
    if end >= len(source) or source[end] == "\n":
        raise _fail(source, at, "unterminated quoted string")
    return source[at : end + 1]


def _character(source: str, at: int) -> str:
    end = at + 1
    while end < len(source) and source[end] not in "'\n":
        end += 2 if source[end] == "\\" else 1
    if end >= len(source) or source[end] == "\n":
        raise _fail(source, at, "unterminated character constant")
    return source[at : end + 1]


def _number(source: str, at: int) -> str:
    end = at + 1 if source[at] in "+-" else at
    while end < len(source) and (source[end].isalnum() or source[end] in "._"):
        if source[end] in "eEpP" and source[end + 1 : end + 2] in ("+", "-") and not source.startswith("0x", at):
            end += 1
        end += 1
    return source[at:end]
