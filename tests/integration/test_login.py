"""login, logout, and what needs an account: with docker's client and with ours, on one configuration file."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.engines import NEEDS
from support.host import TestHost
from support.host_registry import HostRegistry, registry_in

pytestmark = [pytest.mark.requires(*NEEDS, "docker-registry"), pytest.mark.timeout(120)]

USER, PASSWORD = "someone", "correct horse"
UNENCRYPTED = """
WARNING! Your credentials are stored unencrypted in '{directory}/config.json'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/

"""
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def guarded(host: TestHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostRegistry]:
    root = tmp_path_factory.mktemp("guarded")
    (root / "htpasswd").write_text(f"{USER}:{_bcrypt(PASSWORD)}\n")
    extra = f"auth: {{htpasswd: {{realm: test, path: {root}/htpasswd}}}}\n"
    with registry_in(host, root, 5007, extra) as registry:
        yield registry


def _bcrypt(password: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        crypt = pytest.importorskip("crypt", reason="crypt is gone from Python 3.13")
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)).replace("$2b$", "$2y$", 1)


@pytest.fixture(params=["docker", "corral"])
def cli(request: pytest.FixtureRequest, host: TestHost, tmp_path: Path) -> Cli:
    """A client with a configuration of its own."""
    program = "docker" if request.param == "docker" else str(Path(sys.executable).parent / "corral")
    environment = {**os.environ, "DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    environment.pop("CORRAL_CONFIG", None)

    def run(*arguments: str, input: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [program, "-H", host.url, *arguments],
            input=input, capture_output=True, text=True, env=environment, check=False, timeout=60,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


def _log_in(cli: Cli, registry: HostRegistry) -> subprocess.CompletedProcess[str]:
    return cli("login", "-u", USER, "--password-stdin", registry.address, input=f"{PASSWORD}\n")


def test_an_account_is_kept_as_docker_keeps_it(cli: Cli, guarded: HostRegistry, tmp_path: Path) -> None:
    done = _log_in(cli, guarded)
    assert done.stdout == "Login Succeeded\n"
    assert done.stderr == UNENCRYPTED.format(directory=tmp_path)
    file = tmp_path / "config.json"
    assert file.stat().st_mode & 0o777 == 0o600
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert json.loads(file.read_text()) == {"auths": {guarded.address: {"auth": pair}}}
    again = cli("login", guarded.address)
    assert again.stdout == "Login Succeeded\n"
    assert f"Authenticating with existing credentials... [Username: {USER}]" in again.stderr
    assert "unencrypted" not in again.stderr
    assert cli("logout", guarded.address).stdout == f"Removing login credentials for {guarded.address}\n"
    assert json.loads(file.read_text()) == {"auths": {}}


def test_a_wrong_password_is_not_kept(cli: Cli, guarded: HostRegistry, tmp_path: Path) -> None:
    done = cli("login", "-u", USER, "-p", "wrong", guarded.address, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n"
        f"Error response from daemon: login attempt to http://{guarded.address}/v2/ failed with status: "
        "401 Unauthorized\n"
    )
    assert not (tmp_path / "config.json").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-u", USER], "Error: Cannot perform an interactive login from a non TTY device"),
        (["--password-stdin"], "the --password-stdin option requires --username to be set"),
        (["-p", "x", "--password-stdin"], "conflicting options: cannot specify both --password and --password-stdin"),
        (["-u", "", "-p", "x"], "username is empty"),
    ],
)
def test_flags_that_do_not_go_together(cli: Cli, guarded: HostRegistry, flags: list[str], message: str) -> None:
    done = cli("login", *flags, guarded.address, check=False)
    assert done.returncode == 1
    assert message in done.stderr.splitlines()


def test_push_and_pull_need_the_account(cli: Cli, host: TestHost, guarded: HostRegistry) -> None:
    name = f"{guarded.address}/private"
    host.docker("tag", "busybox", name)
    refused = cli("push", name, check=False)
    assert refused.returncode == 1 and refused.stderr == "no basic auth credentials\n"
    _log_in(cli, guarded)
    cli("push", name)
    host.docker("rmi", name)
    cli("pull", name)
    assert cli("run", "--rm", "--pull", "always", name, "echo", "in").stdout == "in\n"
    host.docker("rmi", name)
    cli("logout", guarded.address)
    refused = cli("pull", name, check=False)
    head = f'Error response from daemon: Head "http://{guarded.address}/v2/private/manifests/latest"'
    assert refused.stderr == f"{head}: no basic auth credentials\n"


HELPER = """#!/bin/sh
store={directory}/store
echo "$1" >> {directory}/asked
case $1 in
get) [ -f $store ] && exec cat $store; echo "credentials not found in native keychain"; exit 1 ;;
store) exec cat > $store ;;
erase) rm -f $store ;;
esac
"""


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_a_helper_keeps_the_secret(cli: Cli, host: TestHost, guarded: HostRegistry, tmp_path: Path, key: str) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text(HELPER.format(directory=tmp_path))
    helper.chmod(0o755)
    configuration = {key: "test" if key == "credsStore" else {guarded.address: "test"}, "psFormat": "{{.ID}}"}
    (tmp_path / "config.json").write_text(json.dumps(configuration))
    assert _log_in(cli, guarded).stderr == ""
    assert json.loads((tmp_path / "store").read_text()) == {
        "ServerURL": guarded.address, "Username": USER, "Secret": PASSWORD,
    }  # fmt: skip
    written = json.loads((tmp_path / "config.json").read_text())
    assert written == {**configuration, "auths": {guarded.address: {}}}
    name = f"{guarded.address}/helped"
    host.docker("tag", "busybox", name)
    cli("push", name)
    host.docker("rmi", name)
    cli("logout", guarded.address)
    assert not (tmp_path / "store").exists()
    assert cli("pull", name, check=False).returncode == 1


def test_no_secret_reaches_the_log(cli: Cli, host: TestHost, guarded: HostRegistry) -> None:
    _log_in(cli, guarded)
    cli("login", "-u", USER, "-p", "a very wrong one", guarded.address, check=False)
    cli("pull", f"{guarded.address}/nothing", check=False)
    log = host.log.read_text()
    for secret in (PASSWORD, "a very wrong one", base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()):
        assert secret not in log


def test_what_a_registry_has_is_looked_up_for_an_account(host: TestHost, guarded: HostRegistry, cli: Cli) -> None:
    name = f"{guarded.address}/looked"
    host.docker("tag", "busybox", name)
    _log_in(cli, guarded)
    cli("push", name)
    host.docker("rmi", name)
    with contextlib.closing(host.sdk()) as sdk:
        found = sdk.images.get_registry_data(name, auth_config={"username": USER, "password": PASSWORD})
        assert found.attrs["Platforms"] == [{"architecture": "amd64", "os": "linux"}]
        assert found.id.startswith("sha256:")
