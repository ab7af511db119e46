"""What the program says when it does not start."""

import pytest

from corral import __version__
from corral.daemon import config as configuration
from corral.daemon import logs, machine
from corral.daemon.main import main


@pytest.fixture(autouse=True)
def no_default_file(tmp_path, monkeypatch):
    monkeypatch.setattr(configuration, "DEFAULT_FILE", str(tmp_path / "absent.json"))


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"corral version {__version__}\n"


def test_help(capsys):
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage:  corrald [OPTIONS]\n")


def test_validate_touches_nothing(capsys, tmp_path):
    assert main(["--validate", "--data-root", str(tmp_path / "data"), "--exec-root", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().err == "configuration OK\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--nope"], "corrald: unknown flag: --nope\n"),
        (["--validate", "--tls", "--tlscert", "/nope"], "corrald: invalid TLS configuration: "),
        (["--config-file", "/nope"], "corrald: unable to configure the corral daemon with file /nope: "),
    ],
)
def test_errors_are_one_line(capsys, arguments, line):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(line)
    assert error.count("\n") == 1


def test_a_machine_that_cannot_run_containers_is_told_so_before_anything_is_made(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(logs, "set_up", lambda *_: None)
    monkeypatch.setattr(machine, "judge", lambda _: machine.Verdict(("no namespaces", "no cgroups"), ()))
    assert main(["--data-root", str(tmp_path / "data"), "--exec-root", str(tmp_path / "run")]) == 1
    assert capsys.readouterr().err == "corrald: no namespaces; no cgroups\n"
    assert list(tmp_path.iterdir()) == []
