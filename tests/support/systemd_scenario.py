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

MEGABYTE = 1 << 20
UNIT = "corral-abc.scope"
SHOWN = (
    "ActiveState",
    "Slice",
    "Delegate",
    "MemoryMax",
    "MemorySwapMax",
    "TasksMax",
    "CPUWeight",
    "CPUQuotaPerSecUSec",
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
    os.close(order_read)
    if fd is not None:
        os.close(fd)
    return pid, order_write


def main() -> None:
    seen: dict[str, object] = {}
    hierarchies = Hierarchies.of_host()
    cgroup = Cgroup.at(hierarchies, "test-corral.slice:corral:abc")
    limits = Resources(
        memory=Memory(limit=64 * MEGABYTE, swap=96 * MEGABYTE),
        cpu=Cpu(quota=50_000, period=100_000, shares=1024),
        pids=Pids(33),
        devices=DEFAULT_RULES,
    )
    seen["warnings"] = cgroup.create(limits)
    pid, order = tenant(cgroup)
    cgroup.entered()
    seen["pids"] = cgroup.pids() == [pid]
    seen["cgroup"] = Path(f"/proc/{pid}/cgroup").read_text().strip()
    seen["created"] = shown(UNIT)
    directory = Path("/sys/fs/cgroup", cgroup.path.lstrip("/"))
    seen["files"] = {name: (directory / name).read_text().strip() for name in ("memory.max", "pids.max", "cpu.max")}

    cgroup.update(Resources(memory=Memory(limit=80 * MEGABYTE), pids=Pids(44)))
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    seen["updated"] = shown(UNIT)
    seen["files after reload"] = {name: (directory / name).read_text().strip() for name in ("memory.max", "pids.max")}

    try:
        cgroup.update(Resources(pids=Pids(55), unified={"cgroup.max.depth": "nonsense"}))
    except CorralError as error:
        seen["refused"] = error.message
    seen["after refusal"] = (directory / "pids.max").read_text().strip(), shown(UNIT)["TasksMax"]

    cgroup.freeze()
    seen["frozen"] = cgroup.is_frozen()
    cgroup.thaw()
    os.write(order, b"x")
    seen["kmsg"] = os.strerror(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    nested = Cgroup.at(hierarchies, "test-corral.slice:corral:nested")
    nested.create(None)
    pid, _order = tenant(nested)
    nested.entered()
    inner = Path("/sys/fs/cgroup", nested.path.lstrip("/"), "inner")
    inner.mkdir()
    (inner / "cgroup.procs").write_text(str(pid))
    nested.delete()
    seen["killed"] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    cgroup.delete()
    cgroup.delete()
    seen["deleted"] = shown(UNIT)["ActiveState"], shown("corral-nested.scope")["ActiveState"]
    seen["left"] = sorted(path.name for path in directory.parent.glob("*.scope")) if directory.parent.exists() else []

    wrong = Cgroup.at(hierarchies, "test-corral.slice:corral:wrong")
    try:
        wrong.create(Resources(unified={"memory.max": "nonsense"}))
    except CorralError as error:
        seen["wrong"] = error.message
    seen["after wrong"] = shown("corral-wrong.scope")["ActiveState"], os.path.exists(f"/sys/fs/cgroup{wrong.path}")
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
