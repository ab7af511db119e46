"""The stand-ins for modules of the standard library do what the standard ones do, as far as they go."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import types
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import corral
from corral.runtime.command import slim
from corral.runtime.command.slim import ctypes as slim_ctypes
from corral.runtime.command.slim import dataclasses as slim_dataclasses
from corral.runtime.command.slim import functools as slim_functools
from corral.runtime.command.slim import json as slim_json
from corral.runtime.command.slim import signal as slim_signal
from corral.runtime.command.slim import socket as slim_socket
from corral.runtime.command.slim import types as slim_types

SOURCE = str(Path(corral.__file__).parents[1])
INSTALL = f"import sys; sys.path.insert(0, {SOURCE!r})\nfrom corral.runtime.command import slim; slim.install()\n"


def _python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-SI", "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout


def _classes(module: ModuleType) -> tuple[Any, Any]:
    @module.dataclass(frozen=True, slots=True)
    class Point:
        """A point."""

        x: int
        y: int = 2
        tags: tuple[str, ...] = ()
        extra: dict[str, int] = module.field(default_factory=dict, compare=False)
        last: int = module.field(default=0, kw_only=True)

        @property
        def sum(self) -> int:
            return self.x + self.y

    @module.dataclass
    class Loose:
        name: str = "n"

    return Point, Loose


@pytest.fixture(params=[dataclasses, slim_dataclasses], ids=["standard", "slim"])
def module(request: pytest.FixtureRequest) -> ModuleType:
    return request.param  # type: ignore[no-any-return]


def test_objects_are_made_compared_hashed_and_shown_alike(module: ModuleType) -> None:
    point, loose = _classes(module)
    assert point(1) == point(1, 2, ()) == point(x=1, extra={"a": 1})
    assert point(1) != point(2)
    assert hash(point(1)) == hash(point(1))
    assert repr(point(1, last=3)).endswith("Point(x=1, y=2, tags=(), extra={}, last=3)")
    assert point(1).sum == 3
    assert point.__doc__ == "A point."
    assert loose().name == "n"
    changed = loose()
    changed.name = "m"
    assert changed != loose()
    with pytest.raises(TypeError):
        hash(loose())


def test_what_is_frozen_stays(module: ModuleType) -> None:
    point, _ = _classes(module)
    with pytest.raises(module.FrozenInstanceError):
        point(1).x = 2
    with pytest.raises(module.FrozenInstanceError):
        del point(1).x


@pytest.mark.parametrize(
    ("args", "keywords"), [((), {}), ((1, 2, (), {}, 5), {}), ((1,), {"x": 1}), ((1,), {"nope": 1})]
)
def test_wrong_arguments_are_type_errors(module: ModuleType, args: Any, keywords: Any) -> None:
    point, _ = _classes(module)
    with pytest.raises(TypeError):
        point(*args, **keywords)


def test_fields_and_replace(module: ModuleType) -> None:
    point, _ = _classes(module)
    assert [field.name for field in module.fields(point)] == ["x", "y", "tags", "extra", "last"]
    assert module.is_dataclass(point)
    assert not module.is_dataclass(int)
    assert module.replace(point(1, last=4), x=5) == point(5, last=4)
    with pytest.raises(TypeError):
        module.replace(point(1), nope=1)


def test_a_configuration_goes_through_it_unchanged() -> None:
    """The whole specification, decoded and encoded in a process that has the stand-ins, and in one that has not."""
    program = (
        "from corral.runtime.command.spec import example\nfrom corral.oci.runtime import Spec\n"
        "import json; print(json.dumps(Spec.from_json(example()).to_json()), 'inspect' in sys.modules)"
    )
    standard, ours = _python(f"import sys; sys.path.insert(0, {SOURCE!r})\n{program}"), _python(INSTALL + program)
    assert standard.replace("True\n", "") == ours.replace("False\n", "")
    assert ours.endswith("False\n")


def test_they_are_not_installed_over_the_standard_ones() -> None:
    program = f"import dataclasses\n{INSTALL}import dataclasses as again; print(again is dataclasses, again.__file__)"
    same, file = _python(program).split()
    assert same == "True"
    assert SOURCE not in file


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("collections", "namedtuple"),
        ("ctypes", "Structure"),
        ("dataclasses", "asdict"),
        ("functools", "singledispatch"),
        ("json", "JSONDecodeError"),
        ("signal", "Signals"),
        ("socket", "getfqdn"),
        ("types", "FrameType"),
        ("typing", "Literal"),
    ],
)
def test_the_standard_module_comes_in_when_a_name_is_asked_for_that_the_stand_in_has_not(
    name: str, attribute: str
) -> None:
    assert name in slim.NAMES
    program = f"{INSTALL}import {name} as first\nfrom {name} import {attribute}\nimport {name} as then\n"
    first, then = _python(f"{program}print(first.__file__, then.__file__)").split()
    assert first.startswith(f"{SOURCE}/corral/")
    assert not then.startswith(SOURCE)


def test_every_module_of_the_command_line_can_be_imported_with_the_stand_ins() -> None:
    """``ps`` starts a program, which takes the standard modules."""
    names = sorted({path.stem for path in Path(slim.__file__).parents[1].glob("*.py")} - {"ps"})
    program = f"for name in {names!r}: __import__(f'corral.runtime.command.{{name}}')\n"
    heavy = _python(f"{INSTALL}{program}print(*sorted({{'enum', 'inspect', 're', 'selectors'}} & set(sys.modules)))")
    assert heavy.split() == []


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, 2.5, null, true, "\\u00e9"]}',
        b' \n{"x": {}}\t',
        '"text"',
        "1e400",
        "[NaN, -Infinity]",
        "\ufeff{}".encode(),
    ],
)
def test_json_is_read_alike(text: str | bytes) -> None:
    assert repr(slim_json.loads(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", ["", "{", '{"a": 1} x', "[1,]", b"\xff", '"\n"'])
def test_what_is_no_json_is_refused_alike(text: str | bytes) -> None:
    with pytest.raises(ValueError) as standard:
        json.loads(text)
    with pytest.raises(ValueError) as ours:
        slim_json.loads(text)
    assert str(ours.value) == str(standard.value)


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True, "\u00e9\n"], "b": {}}, "text", 7, []])
def test_json_is_written_alike(value: Any) -> None:
    assert slim_json.dumps(value) == json.dumps(value)
    assert slim_json.dumps(value, indent=2) == json.dumps(value, indent=2)
    form = {"check_circular": False, "separators": (",", ":")}
    assert slim_json.JSONEncoder(**form).encode(value) == json.JSONEncoder(**form).encode(value)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not JSON serializable"):
        slim_json.dumps(object())


def test_sockets_carry_bytes_and_descriptors() -> None:
    read, write = os.pipe()
    ours, theirs = slim_socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    with ours, theirs, open(read, "rb") as file:
        assert not os.get_inheritable(ours.fileno())
        assert slim_socket.send_fds(ours, [b"one"], [write]) == 3
        os.close(write)
        with socket.socket(fileno=theirs.detach()) as other:
            payload, fds, _, _ = socket.recv_fds(other, 16, 1)
        assert payload == b"one"
        os.write(fds[0], b"two")
        os.close(fds[0])
        assert file.read() == b"two"
    assert ours.fileno() == -1


def test_sockets_are_accepted(tmp_path: Path) -> None:
    path = str(tmp_path / "door")
    with slim_socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(path)
        door.listen(1)
        with slim_socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as visitor:
            visitor.connect(path)
            guest, _ = door.accept()
            with guest:
                guest.send(b"welcome")
                assert visitor.recv(16) == b"welcome"


def test_functions_are_cached_and_wrapped() -> None:
    calls: list[int] = []

    @slim_functools.cache
    def double(number: int) -> int:
        """Twice."""
        calls.append(number)
        return 2 * number

    assert [double(1), double(1), double(2)] == [2, 2, 4]
    assert calls == [1, 2]
    assert (double.__name__, double.__doc__) == ("double", "Twice.")
    double.cache_clear()
    assert slim_functools.lru_cache(maxsize=1)(str)(5) == "5"
    assert slim_functools.partial(int, base=2)("11") == 3

    @contextlib.contextmanager
    @slim_functools.wraps(double)
    def around() -> Any:
        yield 1

    with around() as value:
        assert value == 1


def test_signals_and_types_have_the_same_values() -> None:
    assert slim_signal.SIGKILL == signal.SIGKILL
    assert slim_signal.getsignal(signal.SIGPIPE) == signal.getsignal(signal.SIGPIPE)
    assert all(getattr(slim_types, name) is getattr(types, name) for name in slim_types.__all__)


def test_the_c_library_is_called_alike() -> None:
    library = slim_ctypes.CDLL(None, use_errno=True)
    call = library.syscall
    call.restype, call.argtypes = slim_ctypes.c_long, (slim_ctypes.c_long, slim_ctypes.c_void_p)
    assert call(-1, None) == -1
    assert slim_ctypes.get_errno() == 38
    for module in (ctypes, slim_ctypes):
        buffer: Any = module.create_string_buffer(b"abc")
        assert (buffer.raw, module.sizeof(buffer)) == (b"abc\0", 4)
        assert module.create_string_buffer(3).raw == bytes(3)
        text: Any = module.c_char_p(b"text")
        address = module.cast(text, module.c_void_p).value
        assert module.cast(address, module.c_char_p).value == b"text"
    slim_ctypes.pythonapi.PyErr_CheckSignals()
