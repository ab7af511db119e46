"""Configuration: flags and file, merged and checked as dockerd does."""

import json

import pytest

from corral.daemon import config as configuration
from corral.daemon.config import load
from corral.daemon.translate import cdi_directories
from corral.errors import Invalid


@pytest.fixture(autouse=True)
def no_default_file(tmp_path, monkeypatch):
    monkeypatch.setattr(configuration, "DEFAULT_FILE", str(tmp_path / "absent.json"))


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "daemon.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def test_defaults():
    config = load([])
    assert config.data_root == "/var/lib/corral"
    assert config.hosts == ("unix:///run/corral.sock",)
    assert config.live_restore
    assert not config.debug


def test_the_file_and_the_flags_add_up(file):
    path = file(
        {
            "debug": True,
            "hosts": ["unix:///x.sock"],
            "log-opts": {"max-size": "1m"},
            "labels": ["a=b"],
            "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}},
            "default-shm-size": "128m",
            "mtu": 1400,
        }
    )
    config = load(["--config-file", path, "--bip", "10.0.0.1/24", "--live-restore=false"])
    assert (config.debug, config.hosts, config.labels) == (True, ("unix:///x.sock",), ("a=b",))
    assert (config.log_opts, config.ulimits) == ({"max-size": "1m"}, {"nofile": (1, 2)})
    assert (config.default_shm_size, config.mtu, config.bip, config.live_restore) == (
        128 << 20,
        1400,
        "10.0.0.1/24",
        False,
    )
    assert config.config_file == path


def test_the_default_file_is_read_if_it_is_there(tmp_path):
    (tmp_path / "absent.json").write_text('{"mtu": 1300}')
    assert load([]).mtu == 1300


def test_an_empty_file_says_nothing(file):
    assert load(["--config-file", file("")]).mtu == 1500


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        (
            {"debug": True, "bip": "10.0.0.1/24"},
            ["-D", "--bip", "10.1.0.1/24"],
            "the following directives are specified both as a flag and in the configuration file: "
            "bip: (from flag: 10.1.0.1/24, from file: 10.0.0.1/24), debug: (from flag: true, from file: true)",
        ),
        ({"labels": ["a=b"]}, ["--label", "c=d"], "labels: (from flag: [c=d], from file: [a=b])"),
        ({"debgu": True}, [], "the following directives don't match any configuration option: debgu"),
        ({"debug": "x"}, [], 'debug: expected bool, got "x"'),
        ({"mtu": True}, [], "mtu: expected int, got true"),
        ({"hosts": "unix:///x"}, [], "hosts: expected list"),
        ({"default-ulimits": {"nofile": {"Soft": 1}}}, [], "default-ulimits: 'Hard'"),
        ('{"debug":', [], "invalid JSON"),
        ("[]", [], "invalid JSON: not an object"),
    ],
)
def test_what_is_wrong_with_a_file(file, content, flags, message):
    path = file(content)
    with pytest.raises(Invalid) as caught:
        load(["--config-file", path, *flags])
    assert str(caught.value).startswith(f"unable to configure the corral daemon with file {path}: ")
    assert message in str(caught.value)


def test_a_file_that_was_named_must_exist():
    with pytest.raises(Invalid, match="open /nope: no such file or directory"):
        load(["--config-file", "/nope"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-l", "foo"], "invalid log-level: 'foo'"),
        (["--log-format", "xml"], "invalid log-format"),
        (["-s", "zfs"], "invalid storage-driver: 'zfs' is none of overlay2, fuse-overlayfs, btrfs, vfs"),
        (["-H", "foo://x"], r"invalid bind address \(foo://x\): unsupported proto 'foo'"),
        (["-H", "unix://x"], "must be absolute"),
        (["-H", "tcp://x:99999"], "not host:port"),
        (["--label", "x"], "bad attribute format: x"),
        (["--label", "a=1", "--label", "a=2"], "conflict labels for a"),
        (["--bip", "foo"], "invalid bip"),
        (["--bip", "10.0.0.1/24", "--bridge", "br0"], "mutually exclusive"),
        (["--mtu", "10"], "invalid mtu: 10"),
        (["--dns", "example.org"], "invalid dns"),
        (["--shutdown-timeout", "-3"], "invalid shutdown-timeout"),
        (["--data-root", "/x", "--exec-root", "/x/../x"], "must be different directories"),
        (["--seccomp-profile", "/nope.json"], "no such file: /nope.json"),
    ],
)
def test_what_cannot_be_right_is_refused_before_anything_is_touched(flags, message):
    with pytest.raises(Invalid, match=message):
        load(flags)


def test_known_settings_without_effect_are_accepted_and_remembered(file):
    config = load(["--raw-logs=false", "--config-file", file({"experimental": True})])
    assert sorted(config.ignored) == ["experimental", "raw-logs"]


def test_relative_roots_are_made_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert load(["--data-root", "d"]).data_root == f"{tmp_path}/d"


def test_reload_takes_over_only_what_may_change(file):
    path = file({"labels": ["a=b"], "mtu": 1400})
    config = load(["--config-file", path, "-D"])
    file({"labels": ["a=c"], "mtu": 1300, "shutdown-timeout": 3})
    fresh, changed = configuration.reload(config, ["--config-file", path, "-D"])
    assert changed == ["labels", "shutdown_timeout"]
    assert (fresh.labels, fresh.shutdown_timeout, fresh.mtu, fresh.debug) == (("a=c",), 3, 1400, True)


def test_a_wrong_file_does_not_reload(file):
    path = file({})
    config = load(["--config-file", path])
    file("{")
    with pytest.raises(Invalid):
        configuration.reload(config, ["--config-file", path])


@pytest.mark.parametrize(
    ("content", "flags", "directories"),
    [
        ({}, [], ("/etc/cdi", "/var/run/cdi")),
        ({"cdi-spec-dirs": ["/a", "/b"]}, [], ("/a", "/b")),
        ({}, ["--cdi-spec-dir", "/a"], ("/a",)),
        ({"cdi-spec-dirs": [""]}, [], ()),
        ({"cdi-spec-dirs": ["/a"], "features": {"cdi": False}}, [], ()),
        ({"features": {"cdi": True, "other": False}}, [], ("/etc/cdi", "/var/run/cdi")),
        ({}, ["--feature", "cdi=false"], ()),
        ({}, ["--feature", "cdi"], ("/etc/cdi", "/var/run/cdi")),
    ],
)
def test_where_devices_by_name_are_described(file, content, flags, directories):
    assert cdi_directories(load(["--config-file", file(content), *flags])) == directories


@pytest.mark.parametrize("content", [{"features": {"cdi": "no"}}, {"features": ["cdi"]}])
def test_features_are_booleans(file, content):
    with pytest.raises(Invalid, match="features: expected feature"):
        load(["--config-file", file(content)])
    with pytest.raises(Invalid, match="key=true or key=false"):
        load(["--feature", "cdi=maybe"])


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("nonsense", r"invalid exec-opt \(nonsense\): must be formatted 'opt=value'"),
        ("a=b", r"invalid exec-opt \(a=b\): unknown option: 'a'"),
        ("native.cgroupdriver=none", "option none is internally used and cannot be specified manually"),
    ],
)
def test_exec_option_that_is_none_is_refused_in_dockers_words(option, words):
    with pytest.raises(Invalid, match=words):
        load(["--exec-opt", option])


def test_cgroup_driver_is_an_exec_option(file):
    assert load([]).cgroup_driver == "cgroupfs"
    path = file('{"exec-opts": ["native.cgroupdriver=systemd"]}')
    assert load(["--config-file", path]).cgroup_driver == "systemd"
    assert load(["--exec-opt", "native.cgroupdriver=cgroupfs"]).cgroup_driver == "cgroupfs"
    with pytest.raises(Invalid, match=r"native\.cgroupdriver option nonsense not supported"):
        load(["--exec-opt", "native.cgroupdriver=nonsense"])
    both = ["--exec-opt", "Native.CgroupDriver=systemd", "--exec-opt", "native.cgroupdriver=cgroupfs"]
    assert load(both).cgroup_driver == "systemd"
    with pytest.raises(Invalid, match="should be a valid slice"):
        load(["--config-file", path, "--cgroup-parent", "/mine"])
