"""The daemon's log lines."""

import json
import logging

import pytest

from corral.daemon import logs


@pytest.fixture(autouse=True)
def restore():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_text_lines_are_logfmt(capsys):
    logs.set_up("info", "text")
    logging.getLogger("x").info('said "hi"', extra={"container": "abc", "reason": "two words"})
    logging.getLogger("x").debug("not shown")
    line = capsys.readouterr().err
    assert line.startswith('time="20')
    assert line.endswith(' level=info msg="said \\"hi\\"" container=abc reason="two words"\n')


def test_json_lines(capsys):
    logs.set_up("debug", "json")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("room").exception("failed", extra={"container": "abc"})
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["msg"], line["logger"], line["container"]) == ("error", "failed", "room", "abc")
    assert line["error"] == "ValueError: broken"
    assert "Traceback" in line["traceback"]


def test_a_traceback_stays_on_its_line(capsys):
    logs.set_up("info", "text")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("room").exception("failed")
    assert capsys.readouterr().err.count("\n") == 1


def test_levels_can_change(capsys):
    logs.set_up("error", "text")
    logging.getLogger("x").warning("one")
    logs.set_level("warn")
    logging.getLogger("x").warning("two")
    line = capsys.readouterr().err
    assert 'level=warning msg="two"' in line
    assert "one" not in line
