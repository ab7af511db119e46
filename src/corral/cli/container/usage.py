"""One container in the table of ``corral stats``: what the numbers of the API mean to people."""

from __future__ import annotations

from corral.cli.format import Column, View
from corral.cli.text import short_id
from corral.cli.units import binary_size, decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import CpuNumbers, MemoryNumbers, Stats

UNKNOWN = "--"


class Usage:
    """``container`` is what was asked for; ``stats`` None when the daemon has not answered, or not any more."""

    __slots__ = ("container", "stats", "truncate")

    def __init__(self, container: str, stats: Stats | None, *, truncate: bool) -> None:
        self.container = container
        self.stats = stats
        self.truncate = truncate

    def id(self) -> str:
        full = self.stats.get("id", "") if self.stats else ""
        return short_id(full) if self.truncate else full

    def name(self) -> str:
        name = self.stats.get("name", "") if self.stats else ""
        return name[1:] or UNKNOWN

    def cpu(self) -> str:
        if self.stats is None:
            return UNKNOWN
        return f"{cpu_percent(self.stats.get('cpu_stats') or {}, self.stats.get('precpu_stats') or {}):.2f}%"

    def memory(self) -> str:
        if self.stats is None:
            return f"{UNKNOWN} / {UNKNOWN}"
        memory = self.stats.get("memory_stats") or {}
        return f"{binary_size(memory_used(memory))} / {binary_size(memory.get('limit', 0))}"

    def memory_percent(self) -> str:
        if self.stats is None:
            return UNKNOWN
        memory = self.stats.get("memory_stats") or {}
        limit = memory.get("limit", 0)
        return f"{memory_used(memory) / limit * 100 if limit else 0:.2f}%"

    def net(self) -> str:
        if self.stats is None:
            return UNKNOWN
        interfaces = (self.stats.get("networks") or {}).values()
        received, sent = (sum(i.get(key, 0) for i in interfaces) for key in ("rx_bytes", "tx_bytes"))
        return f"{decimal_size(received, 3)} / {decimal_size(sent, 3)}"

    def block(self) -> str:
        if self.stats is None:
            return UNKNOWN
        entries = (self.stats.get("blkio_stats") or {}).get("io_service_bytes_recursive") or []
        read, written = (sum(e["value"] for e in entries if e["op"][:1].lower() == letter) for letter in "rw")
        return f"{decimal_size(read, 3)} / {decimal_size(written, 3)}"

    def pids(self) -> str:
        return UNKNOWN if self.stats is None else str((self.stats.get("pids_stats") or {}).get("current", 0))

    def pressure(self, resource: str) -> str:
        """How much of the last ten seconds some task waited for it, and how much all of them did."""
        found = (self.stats.get("pressure_stats") or {}).get(resource) if self.stats else None
        if not found:
            return UNKNOWN
        shares = (f"{found[kind]['avg10']:.2f}%" if kind in found else UNKNOWN for kind in ("some", "full"))
        return " / ".join(shares)

    def event(self, name: str) -> str:
        """How often it happened: "max" or "oom_kill", with version 2 also "low", "high", "oom"."""
        events = (self.stats.get("memory_stats") or {}).get("events") if self.stats else None
        return str(events[name]) if events and name in events else UNKNOWN


def cpu_percent(now: CpuNumbers, before: CpuNumbers) -> float:
    """Of one processor: two busy ones are 200 percent."""
    used = _total(now) - _total(before)
    passed = now.get("system_cpu_usage", 0) - before.get("system_cpu_usage", 0)
    processors = now.get("online_cpus", 0) or len((now.get("cpu_usage") or {}).get("percpu_usage") or ())
    return used / passed * processors * 100 if used > 0 and passed > 0 else 0.0


def _total(cpu: CpuNumbers) -> int:
    return (cpu.get("cpu_usage") or {}).get("total_usage", 0)


def memory_used(memory: MemoryNumbers) -> int:
    """Without the page cache that the kernel can take back at once. The names of version 1 come first."""
    usage = memory.get("usage", 0)
    numbers = memory.get("stats") or {}
    for name in ("total_inactive_file", "inactive_file"):
        if name in numbers and numbers[name] < usage:
            return usage - numbers[name]
    return usage


VIEW = View(
    "*container.statsContext",
    {
        "Container": Column("CONTAINER", lambda row: row.container),
        "ID": Column("CONTAINER ID", Usage.id),
        "Name": Column("NAME", Usage.name),
        "CPUPerc": Column("CPU %", Usage.cpu),
        "MemUsage": Column("MEM USAGE / LIMIT", Usage.memory),
        "MemPerc": Column("MEM %", Usage.memory_percent),
        "NetIO": Column("NET I/O", Usage.net),
        "BlockIO": Column("BLOCK I/O", Usage.block),
        "PIDs": Column("PIDS", Usage.pids),
        "CPUPressure": Column("CPU PRESSURE", lambda row: row.pressure("cpu")),
        "MemPressure": Column("MEM PRESSURE", lambda row: row.pressure("memory")),
        "IOPressure": Column("I/O PRESSURE", lambda row: row.pressure("io")),
        "OOMKills": Column("OOM KILLS", lambda row: row.event("oom_kill")),
        "MemEvent": Column("", Usage.event, keyed=True),
    },
    ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"),
)
