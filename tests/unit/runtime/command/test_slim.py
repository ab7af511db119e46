"""The stand-ins for ``dataclasses`` and ``typing`` do what the standard ones do, as far as they go."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import corral
from corral.runtime.command import swift

SOURCE = str(Path(corral.__file__).parents[1])


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


@pytest.fixture(params=[dataclasses, swift], ids=["standard", "swift"])
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


def test_what_is_frozen_stays_and_has_no_room(module: ModuleType) -> None:
    point, _ = _classes(module)
    with pytest.raises(module.FrozenInstanceError):
        point(1).x = 2
    with pytest.raises(module.FrozenInstanceError):
        del point(1).x
    assert not hasattr(point(1), "__dict__")


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
    """The whole specification, decoded and encoded in a process that has the stand-in, and in one that has not."""
    program = (
        "import sys, json; sys.path.insert(0, {source!r})\n{install}"
        "from corral.runtime.command.spec import example\nfrom corral.oci.runtime import Spec\n"
        "print(json.dumps(Spec.from_json(example()).to_json(), sort_keys=True), 'inspect' in sys.modules)"
    )
    install = "from corral.runtime.command import slim, swift; slim.install(); swift.install()\n"
    outputs = [
        subprocess.run(
            [sys.executable, "-SI", "-c", program.format(source=SOURCE, install=text)],
            check=True, capture_output=True, text=True,
        ).stdout
        for text in ("", install)
    ]  # fmt: skip
    assert outputs[0].replace("True\n", "") == outputs[1].replace("False\n", "")
    assert outputs[1].endswith("False\n")


def test_it_is_not_installed_over_the_standard_one() -> None:
    swift.install()
    assert sys.modules["dataclasses"] is dataclasses


def test_typing_comes_in_when_a_name_is_asked_for_that_the_stand_in_has_not() -> None:
    program = (
        f"import sys; sys.path.insert(0, {SOURCE!r})\nfrom corral.runtime.command import slim; slim.install()\n"
        "import typing; assert type(typing).__name__ == '_Typing'\n"
        "from typing import Literal\nimport typing; print(Literal[1], type(typing).__name__)"
    )
    done = subprocess.run([sys.executable, "-SI", "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "typing.Literal[1] module\n"


def test_every_module_of_the_command_line_can_be_imported_with_the_stand_ins() -> None:
    names = [path.stem for path in Path(swift.__file__).parent.glob("*.py")]
    program = (
        f"import sys; sys.path.insert(0, {SOURCE!r})\n"
        "from corral.runtime.command import slim, swift; slim.install(); swift.install()\n"
        f"for name in {names!r}: __import__(f'corral.runtime.command.{{name}}')\n"
        "print(type(sys.modules['typing']).__name__, 'inspect' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-SI", "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "_Typing False\n"
