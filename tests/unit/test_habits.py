"""Habits as tests: formatting, lint, types, import layers, module sizes, names."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "corral"


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "src", "tests", "bench"],
        ["ruff", "format", "--check", "src", "tests", "bench"],
        ["mypy"],
        ["lint-imports"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_checker_is_content(command: list[str]) -> None:
    program = Path(sys.executable).parent / command[0]
    done = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _sizes() -> dict[str, int]:
    return {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCE.rglob("*.py")}


def test_modules_are_small() -> None:
    """Median under 150 lines, nine in ten under 500, none over 1000."""
    sizes = _sizes()
    assert statistics.median(sizes.values()) < 150
    assert sum(size < 500 for size in sizes.values()) >= 0.9 * len(sizes)
    assert [name for name, size in sizes.items() if size > 1000] == []


def test_every_package_says_what_lives_in_it() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in SOURCE.rglob("__init__.py")
        if not path.read_text().lstrip().startswith('"""')
    ]
    assert silent == []


def test_ctypes_stays_in_the_linux_room() -> None:
    users = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if path.relative_to(SOURCE).parts[0] != "linux" and "import ctypes" in path.read_text()
    ]
    assert users == []


def test_no_process_exit_outside_the_entry_points() -> None:
    allowed = {"cli/main.py", "daemon/main.py", "runtime/supervisor/main.py", "archive/worker.py"}
    users = [str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if "sys.exit(" in path.read_text()]
    assert set(users) <= allowed
