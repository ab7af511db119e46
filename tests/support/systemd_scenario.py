"""A scope's life under a real systemd, run inside the namespaces of one. Prints a JSON object of what was seen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from corral.errors import CorralError
from corral.linux.clone import clone3
from corral.oci.runtime import Cpu, Memory, Pids, Resources
from corral.runtime.cgroups import Cgroup, Hierarchies
from corral.runtime.cgroups.devices import DEFAULT_RULES
from corral.runtime.cgroups.plan import directory_of

MEGABYTE = 1 << 20
UNIT = "corral-abc.scope"
SHOWN = (
    "ActiveState",
    "Slice",
    "Delegate",
    "MemoryMax",
    "MemorySwapMax",
    "MemoryLimit",
    "TasksMax",
    "CPUWeight",
    "CPUShares",
    "CPUQuotaPerSecUSec",
    "DevicePolicy",
    "TimeoutStopUSec",
)
FILES = (
    ("memory", "memory.limit_in_bytes", "memory.max"),
    ("pids", "pids.max", "pids.max"),
    ("cpu", "cpu.cfs_quota_us", "cpu.max"),
    ("cpu", "cpu.shares", "cpu.weight"),
)


def shown(unit: str) -> dict[str, str]:
    command = ["systemctl", "show", unit, *(f"--property={name}" for name in SHOWN)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in output.splitlines())


def tenant(cgroup: Cgroup) -> tuple[int, int]:
    """A process in the group, and what to write to for it to try to open /dev/kmsg and end with the errno."""
    order_read, order_write = os.pipe()
    fd = cgroup.open_v2()
    pid, _ = clone3(0, cgroup_fd=fd)
    if pid == 0:
        os.close(order_write)
        os.read(order_read, 1)
        try:
            os.close(os.open("/dev/kmsg", os.O_RDONLY))
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    for path in cgroup.procs_files():
        Path(path).write_text(str(pid))
    os.close(order_read)
    if fd is not None:
        os.close(fd)
    return pid, order_write


def held(hierarchies: Hierarchies, cgroup: Cgroup) -> list[str]:
    """What the control files say, in the order of FILES."""
    found = []
    for controller, v1, v2 in FILES:
        place = hierarchies.of(controller)
        assert place is not None
        file = Path(directory_of(place, cgroup.path), v1 if place.version == 1 else v2)
        found.append(file.read_text().split()[0])
    return found


def directories(hierarchies: Hierarchies, cgroup: Cgroup) -> list[Path]:
    mounted = [*hierarchies.v1, *([hierarchies.v2] if hierarchies.v2 else [])]
    return [path for h in mounted if (path := Path(directory_of(h, cgroup.path))).exists()]


def main() -> None:
    seen: dict[str, object] = {}
    hierarchies = Hierarchies.of_host()
    unified = hierarchies.v2 is not None and not hierarchies.v1
    cgroup = Cgroup.at(hierarchies, "test-corral.slice:corral:abc")
    limits = Resources(
        memory=Memory(limit=64 * MEGABYTE, swap=96 * MEGABYTE),
        cpu=Cpu(quota=12_345, period=100_000, shares=1024),
        pids=Pids(33),
        devices=DEFAULT_RULES,
        unified={"memory.high": str(48 * MEGABYTE)} if unified else {},
    )
    seen["warnings"] = cgroup.create(limits, {"org.systemd.property.TimeoutStopSec": "uint64 7"})
    pid, order = tenant(cgroup)
    cgroup.entered()
    seen["pids"] = cgroup.pids() == [pid]
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    seen["cgroups"] = sorted({line.split(":", 2)[2] for line in lines if hierarchies.v2 or not line.startswith("0:")})
    seen["created"] = shown(UNIT)
    seen["files"] = held(hierarchies, cgroup)

    # systemd writes all of a controller when it is told one thing of it.
    cgroup.update(Resources(memory=Memory(limit=80 * MEGABYTE), cpu=Cpu(shares=512), pids=Pids(44)))
    seen["told"] = held(hierarchies, cgroup)
    for verb in ("daemon-reload", "daemon-reexec"):
        subprocess.run(["systemctl", verb], check=True)
        seen[verb] = held(hierarchies, cgroup)
    seen["updated"] = shown(UNIT)
    if unified:
        seen["memory.high"] = Path("/sys/fs/cgroup" + cgroup.path, "memory.high").read_text().strip()

    try:
        cgroup.update(Resources(pids=Pids(55), unified={"cgroup.max.depth": "nonsense"}))
    except CorralError as error:
        seen["refused"] = error.message
    seen["after refusal"] = held(hierarchies, cgroup)[1], shown(UNIT)["TasksMax"]

    cgroup.update(Resources(devices=DEFAULT_RULES))
    seen["frozen"] = [cgroup.is_frozen()]
    cgroup.freeze()
    seen["frozen"] += [cgroup.is_frozen()]
    cgroup.thaw()
    os.write(order, b"x")
    seen["kmsg"] = os.strerror(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    nested = Cgroup.at(hierarchies, "test-corral.slice:corral:nested")
    nested.create(None)
    pid, _order = tenant(nested)
    nested.entered()
    for directory in directories(hierarchies, nested):
        inner = directory / "inner"
        inner.mkdir()
        if (inner / "cpuset.cpus").exists() and not unified:
            for name in ("cpuset.cpus", "cpuset.mems"):
                (inner / name).write_text((directory / name).read_text())
        (inner / "cgroup.procs").write_text(str(pid))
    nested.delete()
    seen["killed"] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    cgroup.delete()
    cgroup.delete()
    seen["deleted"] = shown(UNIT)["ActiveState"], shown("corral-nested.scope")["ActiveState"]
    seen["left"] = [str(path) for group in (cgroup, nested) for path in directories(hierarchies, group)]

    wrong = Cgroup.at(hierarchies, "test-corral.slice:corral:wrong")
    try:
        wrong.create(Resources(unified={"memory.max": "nonsense"}))
    except CorralError as error:
        seen["wrong"] = error.message
    seen["after wrong"] = shown("corral-wrong.scope")["ActiveState"], len(directories(hierarchies, wrong))
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
