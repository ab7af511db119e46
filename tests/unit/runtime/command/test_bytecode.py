"""The file of compiled modules is never older than the sources, and is believed when nobody else could write it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import corral

PROGRAM = (
    "import sys; sys.path.insert(0, {source!r}); sys.dont_write_bytecode = {dont_write}\n"
    "from corral.runtime.command import bytecode, slim\n"
    "slim.install(); store = bytecode.install()\n"
    "from corral.runtime.command import single, arguments\nimport json\n"
    "store.keep()\n"
    "print(type(single.__loader__).__name__, type(json.__loader__).__name__, getattr(single, 'ADDED', ''))\n"
)


class Copy:
    """Of the sources that matter here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        package = Path(corral.__file__).parent
        ignore = shutil.ignore_patterns("__pycache__")
        for part in ("errors.py", "__init__.py", "runtime/__init__.py", "linux", "oci", "runtime/command"):
            place = root / "corral" / part
            place.parent.mkdir(parents=True, exist_ok=True)
            if (package / part).is_dir():
                shutil.copytree(package / part, place, ignore=ignore)
            else:
                shutil.copy(package / part, place)
        self.command = root / "corral/runtime/command"

    def run(self, *, dont_write: bool = False) -> list[str]:
        program = PROGRAM.format(source=str(self.root), dont_write=dont_write)
        command = [sys.executable, "-SI", "-c", program]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.split()

    @property
    def file(self) -> Path:
        (found,) = (self.command / "__pycache__").glob("*.modules")
        return found


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


STORED = ["Store", "Store"]
SEARCHED = ["SourceFileLoader", "SourceFileLoader"]


def test_the_second_command_finds_what_the_first_has_compiled(copy: Copy) -> None:
    assert copy.run() == SEARCHED
    before = copy.file.stat()
    assert before.st_mode & 0o777 == 0o644
    assert copy.run() == STORED
    assert copy.file.stat() == before or copy.file.stat().st_ino == before.st_ino, "nothing was missing"
    assert len(list(copy.file.parent.glob("*.modules*"))) == 1


def test_a_source_that_has_changed_is_compiled_again(copy: Copy) -> None:
    copy.run()
    with open(copy.command / "single.py", "a") as file:
        file.write("\nADDED = 'added'\n")
    assert copy.run() == ["SourceFileLoader", "Store", "added"]
    assert copy.run() == [*STORED, "added"]


def test_a_source_of_the_same_size_and_another_time_is_compiled_again(copy: Copy) -> None:
    copy.run()
    status = (copy.command / "single.py").stat()
    os.utime(copy.command / "single.py", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert copy.run()[0] == "SourceFileLoader"


def test_a_source_that_has_gone_is_not_imported(copy: Copy) -> None:
    copy.run()
    (copy.command / "single.py").unlink()
    with pytest.raises(subprocess.CalledProcessError):
        copy.run()


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_that_others_may_write_is_not_believed_and_replaced(copy: Copy, mode: int) -> None:
    copy.run()
    copy.file.chmod(mode)
    assert copy.run() == SEARCHED
    assert copy.file.stat().st_mode & 0o777 == 0o644


def test_a_link_is_not_followed(copy: Copy, tmp_path: Path) -> None:
    copy.run()
    copy.file.rename(tmp_path / "elsewhere")
    Path(copy.command / "__pycache__" / f"corral-oci.{sys.implementation.cache_tag}.opt-0.modules").symlink_to(
        tmp_path / "elsewhere"
    )
    assert copy.run() == SEARCHED


@pytest.mark.requires("root")
def test_a_file_of_somebody_else_is_not_believed(copy: Copy) -> None:
    copy.run()
    os.chown(copy.file, 12345, 12345)
    assert copy.run() == SEARCHED


@pytest.mark.parametrize("damage", ["empty", "magic", "head", "code"])
def test_a_damaged_file_does_no_harm(copy: Copy, damage: str) -> None:
    copy.run()
    content = bytearray(copy.file.read_bytes())
    if damage == "empty":
        content = bytearray()
    elif damage == "magic":
        content[0] ^= 1
    elif damage == "head":
        content[8:40] = bytes(32)
    else:
        begin = 8 + int.from_bytes(content[4:8], "little")
        content[begin:] = bytes(len(content) - begin)
    copy.file.write_bytes(content)
    assert len(copy.run()) == 2
    assert copy.run() == STORED


def test_nothing_is_written_where_python_is_not_to_write(copy: Copy) -> None:
    assert copy.run(dont_write=True) == SEARCHED
    assert not list((copy.command).glob("__pycache__/*.modules"))
