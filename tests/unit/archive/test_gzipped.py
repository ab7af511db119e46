"""gzip of layers: whatever it is given, gzip(1) understands it, and the bytes are always the same."""

from __future__ import annotations

import gzip
import os
import subprocess

import pytest

from corral.archive.gzipped import compressed

MIXED = os.urandom(1_500_000) + b"text " * 300_000


@pytest.mark.parametrize("content", [b"", b"x", b"y" * (1 << 20), MIXED], ids=["nothing", "byte", "block", "mixed"])
def test_what_comes_out_is_what_went_in(content: bytes) -> None:
    packed = b"".join(compressed([content]))
    assert gzip.decompress(packed) == content
    assert subprocess.run(["gzip", "-dc"], input=packed, capture_output=True, check=True).stdout == content


def test_the_bytes_do_not_depend_on_the_pieces() -> None:
    pieces = [MIXED[at : at + 77_777] for at in range(0, len(MIXED), 77_777)]
    assert b"".join(compressed(pieces)) == b"".join(compressed([memoryview(MIXED)]))


def test_text_becomes_small() -> None:
    assert len(b"".join(compressed([b"text " * 300_000]))) < 15_000
