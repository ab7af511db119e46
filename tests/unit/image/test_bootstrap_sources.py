"""Which apt sources a new Debian is made from."""

from __future__ import annotations

import io
import tarfile

from corral.image.bootstrap import busybox, debian
from corral.image.bootstrap.sources import Source, choose, parse

DEB822 = """
Types: deb deb-src
# a comment
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.test/debian-security/
Suites: bookworm-security
Components: main

Types: deb
URIs: http://other.test/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://source.test/debian
Suites: bookworm
Components: main
"""
ONE_LINE = """
# deb http://off.test/debian bookworm main
deb [arch=amd64 signed-by=/x] http://mirror.test/debian bookworm main contrib # trailing
deb-src http://mirror.test/debian bookworm main
deb https://third.test/linux bookworm stable
deb https://party.test/apt bookworm main
deb http://mirror.test/debian bookworm-backports main
nonsense
"""


def test_both_formats_are_read() -> None:
    assert [source.line for source in parse(DEB822)] == [
        "deb http://mirror.test/debian bookworm main contrib",
        "deb http://mirror.test/debian bookworm-updates main contrib",
        "deb http://mirror.test/debian-security/ bookworm-security main",
    ]
    assert parse(ONE_LINE)[0] == Source("http://mirror.test/debian", "bookworm", ("main", "contrib"))
    assert len(parse(ONE_LINE)) == 4


def test_the_machines_own_suite_comes_from_its_own_sources() -> None:
    assert [source.line for source in choose(parse(DEB822), "bookworm")] == [
        "deb http://mirror.test/debian bookworm main",
        "deb http://mirror.test/debian bookworm-updates main",
        "deb http://mirror.test/debian-security/ bookworm-security main",
    ]


def test_repositories_of_others_are_left_out() -> None:
    assert [source.line for source in choose(parse(ONE_LINE), "bookworm")] == [
        "deb http://mirror.test/debian bookworm main"
    ]


def test_another_suite_comes_from_the_same_archives() -> None:
    assert [source.line for source in choose(parse(DEB822), "trixie")] == [
        "deb http://mirror.test/debian trixie main",
        "deb http://mirror.test/debian trixie-updates main",
        "deb http://mirror.test/debian-security/ trixie-security main",
    ]
    assert [source.suite for source in choose(parse(DEB822), "sid")] == ["sid"]


def test_without_a_debian_source_the_tool_decides() -> None:
    assert choose(parse("deb https://third.test/ubuntu noble main"), "bookworm") == []


def test_suite_of_the_machine() -> None:
    assert debian.machine_suite('ID=debian\nVERSION_CODENAME=bookworm\nNAME="Debian"') == "bookworm"
    assert debian.machine_suite("ID=fedora") == "stable"


def test_busybox_root_is_the_same_for_the_same_input() -> None:
    content = b"".join(busybox.build(b"\x7fELF", ["ls", "sh"], 1000))
    assert content == b"".join(busybox.build(b"\x7fELF", ["ls", "sh"], 1000))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.getmember("bin/sh").linkname == "busybox"
        assert archive.getmember("tmp").mode == 0o1777
        assert {"bin/busybox", "etc/passwd", "usr/bin/env"} <= set(archive.getnames())
