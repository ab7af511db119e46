"""The last error in a runtime's log."""

from __future__ import annotations

import pytest

from corral.runtime.external.command import last_error


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("", ""),
        ('{"level":"error","msg":"one"}\n{"level":"error","msg":"two"}\n', "two"),
        ('{"level":"error","msg":"one"}\n{"level":"warning","msg":"two"}\n', "one"),
        ('{"level":"fatal","msg":"three"}', "three"),
        ('{\n  "msg": "on lines {",\n  "level": "error"\n}\n', "on lines {"),
        ('noise { {"msg":"no level"} } more', "no level"),
        ('{"level":"error","msg":""}{"level":"error"}', ""),
        ('{"level":"error","msg":"cut', ""),
    ],
)
def test_last_error(log: str, message: str) -> None:
    assert last_error(log) == message
