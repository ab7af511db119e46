"""docker's option notations: what they become, and what they are refused with (docker 28's own words)."""

# ruff: noqa: E501 - command lines are data

from __future__ import annotations

from pathlib import Path

import pytest

from corral.cli.container.create_flags import CREATE_FLAGS, pull_flag
from corral.cli.container.request import build
from corral.cli.errors import UsageError
from corral.cli.flags import parse

FLAGS = (*CREATE_FLAGS, pull_flag("creating"))
DEFAULTS = {"Image": "i", "AttachStdout": True, "AttachStderr": True, "HostConfig": {"NetworkMode": "default"}}


def request(*args: str) -> dict[str, object]:
    options, rest = parse(FLAGS, [*args, "i"], interspersed=False)
    return build(options, rest[0], rest[1:], attach=frozenset(("stdout", "stderr")), host="unix:///run/x.sock")


def host(*args: str) -> dict[str, object]:
    """HostConfig without what every request has."""
    found = request(*args)["HostConfig"]
    assert isinstance(found, dict)
    return {name: value for name, value in found.items() if (name, value) != ("NetworkMode", "default")}


def test_nothing_asked_for_is_nothing_sent() -> None:
    assert request() == DEFAULTS


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ("-p 80", {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": ""}]}}),
        ("-p 8080:80", {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}}),
        ("-p 127.0.0.1::80/udp", {"PortBindings": {"80/udp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}}),
        ("-p [::1]:80:80/TCP", {"PortBindings": {"80/tcp": [{"HostIp": "::1", "HostPort": "80"}]}}),
        ("-p 8000-8010:80", {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8000-8010"}]}}),
        (
            "-p 81-82:91-92",
            {
                "PortBindings": {
                    "91/tcp": [{"HostIp": "", "HostPort": "81"}],
                    "92/tcp": [{"HostIp": "", "HostPort": "82"}],
                }
            },
        ),
        (
            "-p published=5,target=6,protocol=udp",
            {"PortBindings": {"6/udp": [{"HostIp": "", "HostPort": "5"}]}},
        ),
        ("-v /a:/b:ro -v vol:/c", {"Binds": ["/a:/b:ro", "vol:/c"]}),
        ("--tmpfs /run:size=1m,exec --tmpfs /x", {"Tmpfs": {"/run": "size=1m,exec", "/x": ""}}),
        (
            "--mount type=bind,src=/a,dst=/b,ro,bind-propagation=rslave",
            {
                "Mounts": [
                    {
                        "Type": "bind",
                        "Source": "/a",
                        "Target": "/b",
                        "ReadOnly": True,
                        "BindOptions": {"Propagation": "rslave"},
                    }
                ]
            },
        ),
        (
            "--mount source=v,destination=/b,volume-nocopy,volume-label=a=b,volume-opt=x=y,volume-driver=local",
            {
                "Mounts": [
                    {
                        "Type": "volume",
                        "Source": "v",
                        "Target": "/b",
                        "VolumeOptions": {
                            "NoCopy": True,
                            "Labels": {"a": "b"},
                            "DriverConfig": {"Options": {"x": "y"}, "Name": "local"},
                        },
                    }
                ]
            },
        ),
        (
            "--mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770",
            {"Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o1770}}]},
        ),
        ("-m 64m --memory-swap -1 --cpus 1.5", {"Memory": 1 << 26, "MemorySwap": -1, "NanoCpus": 1_500_000_000}),
        ("--cpus .001", {"NanoCpus": 1_000_000}),
        ("--pids-limit 0", {"PidsLimit": 0}),
        ("--memory-swappiness 0", {"MemorySwappiness": 0}),
        ("--ulimit nofile=10:20", {"Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}]}),
        ("--ulimit core=-1", {"Ulimits": [{"Name": "core", "Soft": -1, "Hard": -1}]}),
        ("--restart on-failure:3", {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}),
        (
            "--device /dev/a --device /dev/b:r --device /dev/c:/dev/d:rw",
            {
                "Devices": [
                    {"PathOnHost": "/dev/a", "PathInContainer": "/dev/a", "CgroupPermissions": "rwm"},
                    {"PathOnHost": "/dev/b", "PathInContainer": "/dev/b", "CgroupPermissions": "r"},
                    {"PathOnHost": "/dev/c", "PathInContainer": "/dev/d", "CgroupPermissions": "rw"},
                ]
            },
        ),
        ("--device v.com/c=n", {"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["v.com/c=n"]}]}),
        ("--gpus all", {"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]}),
        (
            '--gpus "device=0,1",capabilities=utility',
            {"DeviceRequests": [{"DeviceIDs": ["0", "1"], "Capabilities": [["utility", "gpu"]]}]},
        ),
        ("--cap-add net_admin --cap-drop all", {"CapAdd": ["CAP_NET_ADMIN"], "CapDrop": ["ALL"]}),
        ("--add-host h=1.2.3.4 --add-host g:host-gateway", {"ExtraHosts": ["h:1.2.3.4", "g:host-gateway"]}),
        ("--add-host h=[::1]", {"ExtraHosts": ["h:::1"]}),
        (
            "--dns 1.1.1.1 --dns-search . --dns-option ndots:1",
            {"Dns": ["1.1.1.1"], "DnsSearch": ["."], "DnsOptions": ["ndots:1"]},
        ),
        ("--sysctl net.a=1", {"Sysctls": {"net.a": "1"}}),
        ("--init", {"Init": True}),
        ("--init=false", {"Init": False}),
        ("--security-opt systempaths=unconfined", {"MaskedPaths": [], "ReadonlyPaths": []}),
        ("--security-opt no-new-privileges", {"SecurityOpt": ["no-new-privileges"]}),
        ("--device-read-bps /dev/a:1mb", {"BlkioDeviceReadBps": [{"Path": "/dev/a", "Rate": 1 << 20}]}),
        ("--blkio-weight-device /dev/a:100", {"BlkioWeightDevice": [{"Path": "/dev/a", "Weight": 100}]}),
        ("--use-api-socket", {"Mounts": [{"Type": "bind", "Source": "/run/x.sock", "Target": "/var/run/docker.sock"}]}),
    ],
)
def test_host_config(args: str, expected: dict[str, object]) -> None:
    assert host(*args.split()) == expected


def test_networks() -> None:
    made = request("--network", "name=n,alias=q,ip=1.1.1.1,driver-opt=a=b,gw-priority=5", "--network", "m")
    assert made["NetworkingConfig"] == {
        "EndpointsConfig": {
            "n": {
                "Aliases": ["q"],
                "IPAMConfig": {"IPv4Address": "1.1.1.1"},
                "DriverOpts": {"a": "b"},
                "GwPriority": 5,
            },
            "m": {},
        }
    }
    assert host("--network", "container:x") == {"NetworkMode": "container:x"}
    made = request("--network", "n", "--ip", "1.2.3.4", "--network-alias", "a", "--mac-address", "92:d0:c6:0a:29:33")
    assert made["NetworkingConfig"] == {
        "EndpointsConfig": {
            "n": {"IPAMConfig": {"IPv4Address": "1.2.3.4"}, "Aliases": ["a"], "MacAddress": "92:d0:c6:0a:29:33"}
        }
    }


def test_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_HERE", "x")
    made = request(
        "-e", "A=b", "-e", "FROM_HERE", "-e", "UNSET_HERE", "-l", "a=b", "-l", "c", "-h", "h", "-u", "1:2", "-w", "/w",
        "--entrypoint", "", "--stop-timeout", "0", "-v", "/anon", "--expose", "5-6/udp", "-p", "7", "--health-cmd", "x y",
        "--health-interval", "5s",
    )  # fmt: skip
    assert made["Env"] == ["A=b", "FROM_HERE=x", "UNSET_HERE"]
    assert made["Labels"] == {"a": "b", "c": ""}
    assert made["Entrypoint"] == [""]
    assert made["StopTimeout"] == 0
    assert made["Volumes"] == {"/anon": {}}
    assert made["ExposedPorts"] == {"7/tcp": {}, "5/udp": {}, "6/udp": {}}
    assert made["Healthcheck"] == {"Test": ["CMD-SHELL", "x y"], "Interval": 5_000_000_000}
    assert request("--no-healthcheck")["Healthcheck"] == {"Test": ["NONE"]}


def test_files_of_variables_and_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOWN", "1")
    (tmp_path / "env").write_bytes(b"\xef\xbb\xbf# comment\n\nA=b c\r\n  B==x\nKNOWN\nUNKNOWN\n")
    (tmp_path / "labels").write_text("a=1\nb\n")
    made = request(
        "--env-file", str(tmp_path / "env"), "-e", "A=last", "--label-file", str(tmp_path / "labels"), "-l", "b=2"
    )
    assert made["Env"] == ["A=b c", "B==x", "KNOWN=1", "A=last"]
    assert made["Labels"] == {"a": "1", "b": "2"}


def test_relative_sources_are_the_clients(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert host("-v", "./x:/b", "-v", "..:/c")["Binds"] == [f"{tmp_path}/x:/b", f"{tmp_path.parent}:/c"]
    mounts = host("--mount", "type=bind,src=.,dst=/b")["Mounts"]
    assert mounts == [{"Type": "bind", "Source": str(tmp_path), "Target": "/b"}]


def test_a_seccomp_profile_travels_with_the_request(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{ "defaultAction": "SCMP_ACT_ALLOW" }')
    options = host("--security-opt", f"seccomp={tmp_path}/p.json")["SecurityOpt"]
    assert options == ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}']


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("-p 1:2:3:4", "invalid IP address: 1:2"),
        ("-p abc", "invalid containerPort: abc"),
        ("-p 70000:80", "invalid hostPort: 70000"),
        ("-p 80/foo", "invalid proto: foo"),
        ("-p 80:", "no port specified: 80:<empty>"),
        ("-p 8000-8002:80-81", "invalid ranges specified for container and host Ports: 80-81 and 8000-8002"),
        ("-p 1.2.3:80:80", "invalid IP address: 1.2.3"),
        ("-v /a:/b:/c:/d", "invalid spec: /a:/b:/c:/d: too many colons"),
        ("--mount foo", 'invalid argument "foo" for "--mount" flag: invalid field \'foo\' must be a key=value pair'),
        ("--mount type=volume", 'invalid argument "type=volume" for "--mount" flag: target is required'),
        (
            "--mount type=bind,src=/a,dst=/b,foo=1",
            "invalid argument \"type=bind,src=/a,dst=/b,foo=1\" for \"--mount\" flag: unexpected key 'foo' in 'foo=1'",
        ),
        (
            "--mount type=tmpfs,dst=/b,bind-propagation=shared",
            'invalid argument "type=tmpfs,dst=/b,bind-propagation=shared" for "--mount" flag: '
            "cannot mix 'bind-*' options with mount type 'tmpfs'",
        ),
        ("-e =x", 'invalid argument "=x" for "-e, --env" flag: invalid environment variable: =x'),
        ("--env-file /nosuch", "open /nosuch: no such file or directory"),
        ("--ulimit foo", 'invalid argument "foo" for "--ulimit" flag: invalid ulimit argument: foo'),
        ("--ulimit foo=1", 'invalid argument "foo=1" for "--ulimit" flag: invalid ulimit type: foo'),
        (
            "--ulimit nofile=5:3",
            'invalid argument "nofile=5:3" for "--ulimit" flag: '
            "ulimit soft limit must be less than or equal to hard limit: 5 > 3",
        ),
        ("--device a:b:c:d", "bad format for path: a:b:c:d"),
        ("--device /dev/x:/y:zz", "bad mode specified: zz"),
        ("--restart on-failure:x", "invalid restart policy format: maximum retry count must be an integer"),
        ("--restart always --rm", "conflicting options: cannot specify both --restart and --rm"),
        ("--gpus foo=bar", "invalid argument \"foo=bar\" for \"--gpus\" flag: unexpected key 'foo' in 'foo=bar'"),
        ("--cpus abc", 'invalid argument "abc" for "--cpus" flag: failed to parse abc as a rational number'),
        ("--cpus 1/3", 'invalid argument "1/3" for "--cpus" flag: value is too precise'),
        ("-m -1", 'invalid argument "-1" for "-m, --memory" flag: invalid size: \'-1\''),
        ("--add-host foo", 'invalid argument "foo" for "--add-host" flag: bad format for add-host: "foo"'),
        ("--dns foo", 'invalid argument "foo" for "--dns" flag: IP address is not correctly formatted: foo'),
        (
            "--network a --network none",
            "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
        ),
        ("--network a --network a", 'network "a" is specified multiple times'),
        ("--network name=a,foo=2", 'invalid argument "name=a,foo=2" for "--network" flag: invalid field key foo'),
        ("--mac-address zz", "zz is not a valid mac address"),
        ("-a foo", 'invalid argument "foo" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR'),
        ("--log-driver none --log-opt a=b", "invalid logging opts for driver none"),
        ("--security-opt foo", 'Invalid --security-opt: "foo"'),
        (
            "--security-opt seccomp=/nosuch",
            "opening seccomp profile (/nosuch) failed: open /nosuch: no such file or directory",
        ),
        ("--sysctl foo", 'invalid argument "foo" for "--sysctl" flag: sysctl \'foo\' is not allowed'),
        (
            "--device-cgroup-rule foo",
            'invalid argument "foo" for "--device-cgroup-rule" flag: invalid device cgroup format \'foo\'',
        ),
        ("--health-interval abc", 'invalid argument "abc" for "--health-interval" flag: time: invalid duration "abc"'),
        ("--health-interval -1s", "--health-interval cannot be negative"),
        ("--no-healthcheck --health-cmd x", "--no-healthcheck conflicts with --health-* options"),
        ("--pid foo", "--pid: invalid PID mode"),
        ("--uts foo", "--uts: invalid UTS mode"),
        ("--userns foo", "--userns: invalid USER mode"),
        ("--cgroupns foo", "--cgroupns: invalid CGROUP mode"),
        ("--pull foo", 'invalid pull option: \'foo\': must be one of "always", "missing" or "never"'),
        (
            "--expose foo",
            'invalid range format for --expose: foo, error: strconv.ParseUint: parsing "foo": invalid syntax',
        ),
        ("--expose 80-70", "invalid range format for --expose: 80-70, error: invalid range specified for port: 80-70"),
        ("--memory-swappiness 200", "invalid value: 200. Valid memory swappiness range is 0-100"),
        ("--storage-opt foo", "invalid storage option"),
        ("--label =x", 'invalid argument "=x" for "-l, --label" flag: invalid label \'=x\': empty name'),
    ],
)
def test_refusals(args: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        request(*args.split())
    assert caught.value.message == message
    assert caught.value.exit_code == 125
