# ruff: noqa: E501 - a table is read by its columns
"""The clauses of the OCI runtime specification about ``config.json``, one test each: what offends it is named with it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from corral.runtime.validation import Problem, validate

Config = dict[str, Any]

VALID: Config = {
    "ociVersion": "1.2.0",
    "root": {"path": "rootfs", "readonly": True},
    "process": {
        "terminal": True,
        "consoleSize": {"height": 25, "width": 80},
        "user": {"uid": 1, "gid": 1, "umask": 63, "additionalGids": [5, 6]},
        "env": ["PATH=/bin", "TERM=xterm"],
        "cwd": "/root",
        "args": ["sh"],
        "apparmorProfile": "acme_secure_profile",
        "selinuxLabel": "system_u:system_r:svirt_lxc_net_t:s0:c124,c675",
        "ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 4},
        "scheduler": {"policy": "SCHED_FIFO", "priority": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
        "noNewPrivileges": True,
        "capabilities": {"bounding": ["CAP_AUDIT_WRITE"], "ambient": ["CAP_NOBODY_KNOWS"]},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
        "execCPUAffinity": {"initial": "7", "final": "0-3,7"},
        "oomScoreAdj": 100,
    },
    "hostname": "slartibartfast",
    "domainname": "foobarbaz.test",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "data", "type": "none", "source": "volumes", "options": ["rbind", "rw", "who=knows"]},
        {
            "destination": "/mapped",
            "source": "/x",
            "options": ["bind", "idmap"],
            "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
            "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
        },
    ],
    "hooks": {
        "prestart": [{"path": "/usr/bin/fix-mounts", "args": ["fix-mounts", "arg1"], "env": ["key1=value1"]}],
        "poststop": [{"path": "/usr/sbin/cleanup.sh", "timeout": 5}],
    },
    "annotations": {"com.example.key": "value", "empty": ""},
    "linux": {
        "namespaces": [{"type": kind} for kind in ("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time")],
        "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 32000}],
        "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 32000}],
        "timeOffsets": {"monotonic": {"secs": -5, "nanosecs": 10}, "boottime": {"secs": 7}},
        "devices": [
            {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 0, "gid": 0},
            {"path": "/dev/pipe", "type": "p"},
        ],
        "netDevices": {"eth0": {"name": "container_eth0"}, "eth1": {}},
        "cgroupsPath": "/myRuntime/myContainer",
        "resources": {
            "devices": [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "access": "rw"}],
            "memory": {"limit": 536870912, "kernel": -1, "swappiness": 0, "disableOOMKiller": False},
            "cpu": {"shares": 1024, "quota": 1000000, "burst": 1000000, "period": 500000, "cpus": "2-3", "mems": "0-7"},
            "blockIO": {
                "weight": 10,
                "weightDevice": [{"major": 8, "minor": 0, "weight": 500}, {"major": 8, "minor": 16, "leafWeight": 300}],
                "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}],
            },
            "hugepageLimits": [{"pageSize": "2MB", "limit": 9223372036854772000}],
            "network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 500}]},
            "pids": {"limit": 32771},
            "rdma": {"mlx5_1": {"hcaHandles": 3}},
            "unified": {"io.max": "259:0 rbps=2097152"},
        },
        "intelRdt": {"closID": "guaranteed_group", "l3CacheSchema": "L3:0=7f0;1=1f", "memBwSchema": "MB:0=20;1=70"},
        "memoryPolicy": {"mode": "MPOL_INTERLEAVE", "nodes": "2-3", "flags": ["MPOL_F_STATIC_NODES"]},
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "seccomp": {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": 38,
            "architectures": ["SCMP_ARCH_X86_64"],
            "flags": ["SECCOMP_FILTER_FLAG_LOG"],
            "listenerPath": "/run/agent.sock",
            "listenerMetadata": "x",
            "syscalls": [
                {"names": ["getcwd"], "action": "SCMP_ACT_TRACE", "errnoRet": 1},
                {"names": ["socket"], "action": "SCMP_ACT_NOTIFY",
                 "args": [{"index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]},
            ],
        },
        "rootfsPropagation": "slave",
        "maskedPaths": ["/proc/kcore"],
        "readonlyPaths": ["/proc/sys"],
        "mountLabel": "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811",
        "personality": {"domain": "LINUX32"},
    },
}  # fmt: skip


def changed(path: str, *value: Any) -> Config:
    """VALID with another value at ``path`` ("process.rlimits.0.type"), or without one."""
    config = copy.deepcopy(VALID)
    *above, last = path.split(".")
    here: Any = config
    for name in above:
        here = here[int(name)] if isinstance(here, list) else here[name]
    key: Any = int(last) if isinstance(here, list) else last
    if value:
        here[key] = value[0]
    else:
        del here[key]
    return config


def without_namespace(kind: str) -> Config:
    return changed("linux.namespaces", [entry for entry in VALID["linux"]["namespaces"] if entry["type"] != kind])


def problems(config: Config, clause: str) -> list[str]:
    """Each problem must be of that clause."""
    found = validate(config)
    assert {problem.clause for problem in found} == {clause}, [str(problem) for problem in found]
    return [problem.message for problem in found]


def test_the_specifications_examples_are_valid() -> None:
    assert validate(VALID) == ()
    assert validate({"ociVersion": "1.0.2-dev", "root": {"path": "rootfs"}}) == ()


# Each line: the clause, the path that is changed, the value that is put there (or none), the message.
NOTHING: Any = ()
CLAUSES: list[tuple[str, str, Any, str]] = [
    ("config.md#specification-version", "ociVersion", NOTHING, "ociVersion: is REQUIRED"),
    ("config.md#specification-version", "ociVersion", "1.2", "ociVersion: MUST be in SemVer v2.0.0 format, is '1.2'"),
    ("config.md#specification-version", "ociVersion", "01.2.0", "ociVersion: MUST be in SemVer v2.0.0 format, is '01.2.0'"),
    ("config.md#specification-version", "ociVersion", "2.0.0", "ociVersion: version 2.0.0 is not compatible with this runtime, which supports 1.x"),
    ("config.md#root", "root", NOTHING, "root: is REQUIRED"),
    ("config.md#root", "root", [], "root: MUST be an object"),
    ("config.md#root", "root.path", NOTHING, "root.path: is REQUIRED"),
    ("config.md#root", "root.path", "", "root.path: is REQUIRED"),
    ("config.md#root", "root.path", 7, "root.path: MUST be a string"),
    ("config.md#root", "root.path", "a\0b", "root.path: contains a null byte"),
    ("config.md#root", "root.readonly", "yes", "root.readonly: MUST be true or false"),
    ("config.md#mounts", "mounts", {}, "mounts: MUST be an array"),
    ("config.md#mounts", "mounts.0", "/proc", "mounts[0]: MUST be an object"),
    ("config.md#mounts", "mounts.0.destination", NOTHING, "mounts[0].destination: is REQUIRED"),
    ("config.md#mounts", "mounts.0.destination", "", "mounts[0].destination: is REQUIRED"),
    ("config.md#mounts", "mounts.0.options", "ro", "mounts[0].options: MUST be an array"),
    ("config.md#mounts", "mounts.1.source", NOTHING, "mounts[1].source: is REQUIRED for a bind mount"),
    ("config.md#mounts", "mounts.2.gidMappings", NOTHING, "mounts[2].uidMappings: MUST be specified along with gidMappings"),
    ("config.md#mounts", "mounts.2.uidMappings", NOTHING, "mounts[2].gidMappings: MUST be specified along with uidMappings"),
    ("config-linux.md#user-namespace-mappings", "mounts.2.uidMappings.0.size", NOTHING, "mounts[2].uidMappings[0].size: is REQUIRED"),
    ("config.md#process", "process.terminal", 1, "process.terminal: MUST be true or false"),
    ("config.md#process", "process.consoleSize.width", NOTHING, "process.consoleSize.width: is REQUIRED"),
    ("config.md#process", "process.consoleSize.height", -1, "process.consoleSize.height: MUST be between 0 and 4294967295, is -1"),
    ("config.md#process", "process.cwd", NOTHING, "process.cwd: is REQUIRED"),
    ("config.md#process", "process.cwd", "root", "process.cwd: MUST be an absolute path, is 'root'"),
    ("config.md#process", "process.args", NOTHING, "process.args: is REQUIRED"),
    ("config.md#process", "process.args", [], "process.args: MUST contain at least 1 entry"),
    ("config.md#process", "process.args", ["sh", 1], "process.args[1]: MUST be a string"),
    ("config.md#process", "process.env", "A=1", "process.env: MUST be an array"),
    ("config.md#posix-process", "process.rlimits", {}, "process.rlimits: MUST be an array"),
    ("config.md#posix-process", "process.rlimits.0.type", NOTHING, "process.rlimits[0].type: is REQUIRED"),
    ("config.md#posix-process", "process.rlimits.0.type", "RLIMIT_X", "process.rlimits[0].type: 'RLIMIT_X' is not a valid value"),
    ("config.md#posix-process", "process.rlimits.0.soft", NOTHING, "process.rlimits[0].soft: is REQUIRED"),
    ("config.md#posix-process", "process.rlimits.0.hard", NOTHING, "process.rlimits[0].hard: is REQUIRED"),
    ("config.md#posix-process", "process.rlimits.0.hard", 2**64, f"process.rlimits[0].hard: MUST be between 0 and {2**64 - 1}, is {2**64}"),
    ("config.md#posix-process", "process.rlimits.0.soft", 2000, "process.rlimits[0].soft: MUST match what is enforced, which cannot be above hard"),
    ("config.md#posix-process", "process.rlimits", VALID["process"]["rlimits"] * 2, "process.rlimits[1].type: 'RLIMIT_NOFILE' is a duplicate"),
    ("config.md#linux-process", "process.apparmorProfile", 1, "process.apparmorProfile: MUST be a string"),
    ("config.md#linux-process", "process.capabilities", ["CAP_KILL"], "process.capabilities: MUST be an object"),
    ("config.md#linux-process", "process.capabilities.bounding", "CAP_KILL", "process.capabilities.bounding: MUST be an array"),
    ("config.md#linux-process", "process.noNewPrivileges", "true", "process.noNewPrivileges: MUST be true or false"),
    ("config.md#linux-process", "process.oomScoreAdj", 1001, "process.oomScoreAdj: MUST be between -1000 and 1000, is 1001"),
    ("config.md#linux-process", "process.scheduler.policy", NOTHING, "process.scheduler.policy: is REQUIRED"),
    ("config.md#linux-process", "process.scheduler.policy", "SCHED_X", "process.scheduler.policy: 'SCHED_X' is not a valid value"),
    ("config.md#linux-process", "process.scheduler.flags", ["X"], "process.scheduler.flags[0]: 'X' is not a valid value"),
    ("config.md#linux-process", "process.scheduler", {"policy": "SCHED_OTHER", "nice": 20}, "process.scheduler.nice: MUST be between -20 and 19, is 20"),
    ("config.md#linux-process", "process.scheduler", {"policy": "SCHED_OTHER", "priority": 1}, "process.scheduler.priority: is used by SCHED_FIFO and SCHED_RR only"),
    ("config.md#linux-process", "process.scheduler.runtime", 5, "process.scheduler.runtime: is used by SCHED_DEADLINE only"),
    ("config.md#linux-process", "process.ioPriority.class", NOTHING, "process.ioPriority.class: is REQUIRED"),
    ("config.md#linux-process", "process.ioPriority.class", "X", "process.ioPriority.class: 'X' is not a valid value"),
    ("config.md#linux-process", "process.ioPriority.priority", NOTHING, "process.ioPriority.priority: is REQUIRED"),
    ("config.md#linux-process", "process.ioPriority.priority", 8, "process.ioPriority.priority: MUST be between 0 and 7, is 8"),
    ("config.md#linux-process", "process.execCPUAffinity.final", "3-1", "process.execCPUAffinity.final: MUST be a comma-separated list, with dashes to represent ranges, is '3-1'"),
    ("config.md#linux-process", "process.execCPUAffinity.initial", "0;1", "process.execCPUAffinity.initial: MUST be a comma-separated list, with dashes to represent ranges, is '0;1'"),
    ("config.md#posix-platform-user", "process.user.uid", NOTHING, "process.user.uid: is REQUIRED"),
    ("config.md#posix-platform-user", "process.user.gid", NOTHING, "process.user.gid: is REQUIRED"),
    ("config.md#posix-platform-user", "process.user.uid", -1, "process.user.uid: MUST be between 0 and 4294967295, is -1"),
    ("config.md#posix-platform-user", "process.user.uid", "root", "process.user.uid: MUST be an integer"),
    ("config.md#posix-platform-user", "process.user.umask", 0o1000, "process.user.umask: MUST be between 0 and 511, is 512"),
    ("config.md#posix-platform-user", "process.user.additionalGids", [True], "process.user.additionalGids[0]: MUST be an integer"),
    ("config.md#hostname", "hostname", 1, "hostname: MUST be a string"),
    ("config.md#domainname", "domainname", 1, "domainname: MUST be a string"),
    ("config.md#posix-platform-hooks", "hooks", [], "hooks: MUST be an object"),
    ("config.md#posix-platform-hooks", "hooks.prestart", {}, "hooks.prestart: MUST be an array"),
    ("config.md#posix-platform-hooks", "hooks.prestart.0.path", NOTHING, "hooks.prestart[0].path: is REQUIRED"),
    ("config.md#posix-platform-hooks", "hooks.prestart.0.path", "bin/x", "hooks.prestart[0].path: MUST be an absolute path, is 'bin/x'"),
    ("config.md#posix-platform-hooks", "hooks.prestart.0.args", "x", "hooks.prestart[0].args: MUST be an array"),
    ("config.md#posix-platform-hooks", "hooks.prestart.0.env", [1], "hooks.prestart[0].env[0]: MUST be a string"),
    ("config.md#posix-platform-hooks", "hooks.poststop.0.timeout", 0, "hooks.poststop[0].timeout: MUST be between 1 and 2147483647, is 0"),
    ("config.md#annotations", "annotations", [], "annotations: MUST be an object"),
    ("config.md#annotations", "annotations", {"": "x"}, "annotations: keys MUST NOT be an empty string"),
    ("config.md#annotations", "annotations", {"a": 1}, "annotations['a']: MUST be a string"),
    ("config-linux.md#linux-container-configuration", "linux", [], "linux: MUST be an object"),
    ("config-linux.md#namespaces", "linux.namespaces.0.type", NOTHING, "linux.namespaces[0].type: is REQUIRED"),
    ("config-linux.md#namespaces", "linux.namespaces.0.type", "net", "linux.namespaces[0].type: 'net' is not a valid value"),
    ("config-linux.md#namespaces", "linux.namespaces.0.path", "ns/pid", "linux.namespaces[0].path: MUST be an absolute path, is 'ns/pid'"),
    ("config-linux.md#namespaces", "linux.namespaces.0.type", "mount", "linux.namespaces[2].type: 'mount' is a duplicate"),
    ("config-linux.md#user-namespace-mappings", "linux.uidMappings.0.containerID", NOTHING, "linux.uidMappings[0].containerID: is REQUIRED"),
    ("config-linux.md#user-namespace-mappings", "linux.uidMappings.0.hostID", NOTHING, "linux.uidMappings[0].hostID: is REQUIRED"),
    ("config-linux.md#user-namespace-mappings", "linux.gidMappings.0.size", NOTHING, "linux.gidMappings[0].size: is REQUIRED"),
    ("config-linux.md#offset-for-time-namespace", "linux.timeOffsets", {"realtime": {}}, "linux.timeOffsets['realtime']: 'realtime' is not a valid value"),
    ("config-linux.md#offset-for-time-namespace", "linux.timeOffsets.monotonic.secs", "1", "linux.timeOffsets['monotonic'].secs: MUST be an integer"),
    ("config-linux.md#offset-for-time-namespace", "linux.timeOffsets.monotonic.nanosecs", 10**9, "linux.timeOffsets['monotonic'].nanosecs: MUST be between 0 and 999999999, is 1000000000"),
    ("config-linux.md#devices", "linux.devices.0.type", NOTHING, "linux.devices[0].type: is REQUIRED"),
    ("config-linux.md#devices", "linux.devices.0.type", "x", "linux.devices[0].type: 'x' is not a valid value"),
    ("config-linux.md#devices", "linux.devices.0.path", "dev/fuse", "linux.devices[0].path: MUST be an absolute path, is 'dev/fuse'"),
    ("config-linux.md#devices", "linux.devices.0.major", NOTHING, "linux.devices[0].major: is REQUIRED unless type is p"),
    ("config-linux.md#devices", "linux.devices.0.minor", NOTHING, "linux.devices[0].minor: is REQUIRED unless type is p"),
    ("config-linux.md#devices", "linux.devices.0.fileMode", "0666", "linux.devices[0].fileMode: MUST be an integer"),
    ("config-linux.md#devices", "linux.devices.0.uid", -1, "linux.devices[0].uid: MUST be between 0 and 4294967295, is -1"),
    ("config-linux.md#network-devices", "linux.netDevices", {"eth0/1": {}}, "linux.netDevices['eth0/1']: 'eth0/1' is not a valid name of a network device"),
    ("config-linux.md#network-devices", "linux.netDevices.eth0.name", "x" * 16, "linux.netDevices['eth0'].name: 'xxxxxxxxxxxxxxxx' is not a valid name of a network device"),
    ("config-linux.md#network-devices", "linux.netDevices.eth0.name", 23, "linux.netDevices['eth0'].name: MUST be a string"),
    ("config-linux.md#cgroups-path", "linux.cgroupsPath", 1, "linux.cgroupsPath: MUST be a string"),
    ("config-linux.md#allowed-device-list", "linux.resources.devices.0.allow", NOTHING, "linux.resources.devices[0].allow: is REQUIRED"),
    ("config-linux.md#allowed-device-list", "linux.resources.devices.1.type", "u", "linux.resources.devices[1].type: 'u' is not a valid value"),
    ("config-linux.md#allowed-device-list", "linux.resources.devices.0.access", "rx", "linux.resources.devices[0].access: MUST be a composition of r, w and m, is 'rx'"),
    ("config-linux.md#memory", "linux.resources.memory.limit", -2, f"linux.resources.memory.limit: MUST be between -1 and {2**63 - 1}, is -2"),
    ("config-linux.md#memory", "linux.resources.memory.swappiness", 101, "linux.resources.memory.swappiness: MUST be between 0 and 100, is 101"),
    ("config-linux.md#memory", "linux.resources.memory.disableOOMKiller", 1, "linux.resources.memory.disableOOMKiller: MUST be true or false"),
    ("config-linux.md#cpu", "linux.resources.cpu.shares", -1, f"linux.resources.cpu.shares: MUST be between 0 and {2**64 - 1}, is -1"),
    ("config-linux.md#cpu", "linux.resources.cpu.burst", 1000001, "linux.resources.cpu.burst: MUST be no larger than any positive quota"),
    ("config-linux.md#cpu", "linux.resources.cpu.cpus", "a", "linux.resources.cpu.cpus: MUST be a comma-separated list, with dashes to represent ranges, is 'a'"),
    ("config-linux.md#cpu", "linux.resources.cpu.idle", 2, "linux.resources.cpu.idle: MUST be between 0 and 1, is 2"),
    ("config-linux.md#block-io", "linux.resources.blockIO.weight", 65536, "linux.resources.blockIO.weight: MUST be between 0 and 65535, is 65536"),
    ("config-linux.md#block-io", "linux.resources.blockIO.weightDevice.0.major", NOTHING, "linux.resources.blockIO.weightDevice[0].major: is REQUIRED"),
    ("config-linux.md#block-io", "linux.resources.blockIO.weightDevice.0.weight", NOTHING, "linux.resources.blockIO.weightDevice[0].weight: at least one of weight or leafWeight MUST be specified"),
    ("config-linux.md#block-io", "linux.resources.blockIO.throttleReadBpsDevice.0.rate", NOTHING, "linux.resources.blockIO.throttleReadBpsDevice[0].rate: is REQUIRED"),
    ("config-linux.md#huge-page-limits", "linux.resources.hugepageLimits.0.pageSize", "64kB", "linux.resources.hugepageLimits[0].pageSize: MUST have the format <size><unit-prefix>B (64KB, 2MB, 1GB), is '64kB'"),
    ("config-linux.md#huge-page-limits", "linux.resources.hugepageLimits.0.limit", NOTHING, "linux.resources.hugepageLimits[0].limit: is REQUIRED"),
    ("config-linux.md#network", "linux.resources.network.classID", 2**32, f"linux.resources.network.classID: MUST be between 0 and {2**32 - 1}, is {2**32}"),
    ("config-linux.md#network", "linux.resources.network.priorities.0.name", NOTHING, "linux.resources.network.priorities[0].name: is REQUIRED"),
    ("config-linux.md#network", "linux.resources.network.priorities.0.priority", NOTHING, "linux.resources.network.priorities[0].priority: is REQUIRED"),
    ("config-linux.md#pids", "linux.resources.pids.limit", "many", "linux.resources.pids.limit: MUST be an integer"),
    ("config-linux.md#rdma", "linux.resources.rdma.mlx5_1", {}, "linux.resources.rdma['mlx5_1']: at least one of hcaHandles or hcaObjects MUST be specified"),
    ("config-linux.md#unified", "linux.resources.unified", {"io.max": 1}, "linux.resources.unified['io.max']: MUST be a string"),
    ("config-linux.md#unified", "linux.resources.unified", {"../io.max": "1"}, "linux.resources.unified['../io.max']: MUST refer to a file in the cgroup"),
    ("config-linux.md#intelrdt", "linux.intelRdt.closID", "a/b", "linux.intelRdt.closID: 'a/b' is not the name of a directory"),
    ("config-linux.md#intelrdt", "linux.intelRdt.memBwSchema", "0=20", "linux.intelRdt.memBwSchema: MUST start with MB:"),
    ("config-linux.md#intelrdt", "linux.intelRdt.memBwSchema", "MB:0=20\n", "linux.intelRdt.memBwSchema: MUST NOT contain newlines"),
    ("config-linux.md#intelrdt", "linux.intelRdt.l3CacheSchema", "L3:0\n", "linux.intelRdt.l3CacheSchema: MUST NOT contain newlines"),
    ("config-linux.md#intelrdt", "linux.intelRdt.schemata", ["L3:0\n"], "linux.intelRdt.schemata: MUST NOT contain newlines"),
    ("config-linux.md#memory-policy", "linux.memoryPolicy.mode", NOTHING, "linux.memoryPolicy.mode: is REQUIRED"),
    ("config-linux.md#memory-policy", "linux.memoryPolicy.mode", "MPOL_X", "linux.memoryPolicy.mode: 'MPOL_X' is not a valid value"),
    ("config-linux.md#memory-policy", "linux.memoryPolicy.mode", "MPOL_LOCAL", "linux.memoryPolicy.nodes: MPOL_LOCAL requires that there are no nodes"),
    ("config-linux.md#memory-policy", "linux.memoryPolicy.nodes", NOTHING, "linux.memoryPolicy.nodes: MPOL_INTERLEAVE requires that there is at least one node"),
    ("config-linux.md#memory-policy", "linux.memoryPolicy.flags", ["X"], "linux.memoryPolicy.flags[0]: 'X' is not a valid value"),
    ("config-linux.md#sysctl", "linux.sysctl", {"net.core.somaxconn": 256}, "linux.sysctl['net.core.somaxconn']: MUST be a string"),
    ("config-linux.md#seccomp", "linux.seccomp.defaultAction", NOTHING, "linux.seccomp.defaultAction: is REQUIRED"),
    ("config-linux.md#seccomp", "linux.seccomp.defaultAction", "SCMP_ACT_X", "linux.seccomp.defaultAction: 'SCMP_ACT_X' is not a valid value"),
    ("config-linux.md#seccomp", "linux.seccomp.defaultAction", "SCMP_ACT_ALLOW", "linux.seccomp.defaultErrnoRet: is not supported by SCMP_ACT_ALLOW"),
    ("config-linux.md#seccomp", "linux.seccomp.architectures", ["VAX"], "linux.seccomp.architectures[0]: 'VAX' is not a valid value"),
    ("config-linux.md#seccomp", "linux.seccomp.flags", ["X"], "linux.seccomp.flags[0]: 'X' is not a valid value"),
    ("config-linux.md#seccomp", "linux.seccomp.syscalls.0.names", [], "linux.seccomp.syscalls[0].names: MUST contain at least 1 entry"),
    ("config-linux.md#seccomp", "linux.seccomp.syscalls.0.names", NOTHING, "linux.seccomp.syscalls[0].names: is REQUIRED"),
    ("config-linux.md#seccomp", "linux.seccomp.syscalls.0.action", NOTHING, "linux.seccomp.syscalls[0].action: is REQUIRED"),
    ("config-linux.md#seccomp", "linux.seccomp.syscalls.0.action", "SCMP_ACT_LOG", "linux.seccomp.syscalls[0].errnoRet: is not supported by SCMP_ACT_LOG"),
    ("config-linux.md#seccomp", "linux.seccomp.syscalls.1.args.0.index", 6, "linux.seccomp.syscalls[1].args[0].index: MUST be between 0 and 5, is 6"),
    ("config-linux.md#seccomp", "linux.seccomp.syscalls.1.args.0.value", NOTHING, "linux.seccomp.syscalls[1].args[0].value: is REQUIRED"),
    ("config-linux.md#seccomp", "linux.seccomp.syscalls.1.args.0.op", "SCMP_CMP_X", "linux.seccomp.syscalls[1].args[0].op: 'SCMP_CMP_X' is not a valid value"),
    ("config-linux.md#rootfs-mount-propagation", "linux.rootfsPropagation", "wide", "linux.rootfsPropagation: 'wide' is not a valid value"),
    ("config-linux.md#masked-paths", "linux.maskedPaths", ["proc/kcore"], "linux.maskedPaths[0]: MUST be an absolute path, is 'proc/kcore'"),
    ("config-linux.md#readonly-paths", "linux.readonlyPaths", ["proc/sys"], "linux.readonlyPaths[0]: MUST be an absolute path, is 'proc/sys'"),
    ("config-linux.md#mount-label", "linux.mountLabel", 1, "linux.mountLabel: MUST be a string"),
    ("config-linux.md#personality", "linux.personality.domain", NOTHING, "linux.personality.domain: is REQUIRED"),
    ("config-linux.md#personality", "linux.personality.domain", "BSD", "linux.personality.domain: 'BSD' is not a valid value"),
    ("config-linux.md#personality", "linux.personality", {"domain": "LINUX", "flags": ["X"]}, "linux.personality.flags[0]: 'X' is not a valid value"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("clause", "path", "value", "message"), CLAUSES, ids=[f"{line[0]}: {line[1]}={line[2]}"[:90] for line in CLAUSES]
)
def test_clause(clause: str, path: str, value: Any, message: str) -> None:
    assert problems(changed(path) if value is NOTHING else changed(path, value), clause) == [message]


@pytest.mark.parametrize(
    ("kind", "name", "clause"),
    [
        ("network", "netDevices", "config-linux.md#network-devices"),
        ("time", "timeOffsets", "config-linux.md#offset-for-time-namespace"),
    ],
)
def test_what_needs_a_namespace(kind: str, name: str, clause: str) -> None:
    assert problems(without_namespace(kind), clause) == [f"linux.{name}: there is no {kind} namespace"]


def test_mappings_need_a_user_namespace() -> None:
    assert problems(without_namespace("user"), "config-linux.md#user-namespace-mappings") == [
        "linux.uidMappings: there is no user namespace",
        "linux.gidMappings: there is no user namespace",
    ]


def test_linux_mount_options_idmap_must_have_mappings_from_somewhere() -> None:
    config = without_namespace("user")
    del config["linux"]["uidMappings"], config["linux"]["gidMappings"]
    assert validate(config) == ()
    del config["mounts"][2]["uidMappings"], config["mounts"][2]["gidMappings"]
    assert problems(config, "config.md#linux-mount-options") == [
        "mounts[2].options: idmap without uidMappings and gidMappings needs a user namespace"
    ]


def test_console_size_must_be_ignored_without_a_terminal() -> None:
    config = changed("process.consoleSize", "wide")
    config["process"]["terminal"] = False
    assert validate(config) == ()


def test_seccomp_listener_metadata_must_not_be_set_without_a_path() -> None:
    config = changed("linux.seccomp.listenerPath")
    assert problems(config, "config-linux.md#seccomp") == [
        "linux.seccomp.listenerMetadata: MUST NOT be set if listenerPath is not set",
        "linux.seccomp.listenerPath: is needed by SCMP_ACT_NOTIFY",
    ]


def test_start_needs_a_process() -> None:
    config = changed("process")
    assert validate(config) == ()
    assert validate(config, starting=True) == (
        Problem("config.md#process", "process: is REQUIRED when start is called"),
    )


@pytest.mark.parametrize("path", ["", "process.", "linux.", "linux.resources.", "mounts.0.", "hooks."])
def test_extensibility_unknown_properties_must_be_ignored(path: str) -> None:
    assert validate(changed(f"{path}whatever", {"x": 1})) == ()


@pytest.mark.parametrize("path", ["linux", "hooks", "annotations", "process.user", "linux.seccomp", "mounts"])
def test_null_is_the_same_as_nothing(path: str) -> None:
    assert validate(changed(path, None)) == ()


def test_capabilities_that_nobody_knows_are_no_error() -> None:
    assert validate(changed("process.capabilities.effective", ["CAP_X"])) == ()


def test_everything_that_is_wrong_is_said_at_once() -> None:
    config = changed("process.cwd", "x")
    config["root"]["path"] = 1
    config["linux"]["maskedPaths"] = ["a", "b"]
    assert [problem.clause for problem in validate(config)] == [
        "config.md#root",
        "config.md#process",
        "config-linux.md#masked-paths",
        "config-linux.md#masked-paths",
    ]


def test_a_problem_reads_as_clause_and_message() -> None:
    assert str(validate(changed("root"))[0]) == "config.md#root: root: is REQUIRED"
