"""Limits: what is out of range or contradicts itself, and what this host cannot do (warnings)."""

from __future__ import annotations

from typing import Final, TypeVar

from corral.api.types.host_config import Resources
from corral.api.types.wire import replace
from corral.engine.spec.host import HostFacts
from corral.errors import Invalid

__all__ = ["check", "parse_list", "supported", "warnings"]

R = TypeVar("R", bound=Resources)

_LEAST_MEMORY: Final = 6 << 20


def check(given: Resources, host: HostFacts) -> None:
    _check_memory(given)
    _check_cpu(given, host)
    _check_cpuset(given, host)
    if host.blkio_weight and given.blkio_weight and not 10 <= given.blkio_weight <= 1000:
        raise Invalid("Range of blkio weight is from 10 to 1000")
    for weight in (given.blkio_weight_device or ()) if host.blkio_weight else ():
        if not 10 <= weight.weight <= 1000:
            raise Invalid(f"Range of blkio weight is from 10 to 1000 (device {weight.path})")


def _check_memory(given: Resources) -> None:
    memory, swap, reservation = given.memory, given.memory_swap, given.memory_reservation
    if 0 < memory < _LEAST_MEMORY:
        raise Invalid("Minimum memory limit allowed is 6MB")
    if 0 < swap < memory:
        raise Invalid("Minimum memoryswap limit should be larger than memory limit, see usage")
    if memory == 0 and swap > 0:
        raise Invalid("You should always set the Memory limit when using Memoryswap limit, see usage")
    if given.memory_swappiness is not None and not -1 <= given.memory_swappiness <= 100:
        raise Invalid(f"invalid value: {given.memory_swappiness}, valid memory swappiness range is 0-100")
    if 0 < reservation < _LEAST_MEMORY:
        raise Invalid("Minimum memory reservation allowed is 6MB")
    if 0 < memory < reservation:
        raise Invalid("Minimum memory limit can not be less than memory reservation limit, see usage")


def _check_cpu(given: Resources, host: HostFacts) -> None:
    if given.nano_cpus and given.cpu_period:
        raise Invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set")
    if given.nano_cpus and given.cpu_quota:
        raise Invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
    if given.nano_cpus and not 0 < given.nano_cpus <= host.cpus * 1_000_000_000:
        raise Invalid(f"range of CPUs is from 0.01 to {host.cpus}.00, as there are only {host.cpus} CPUs available")
    if given.cpu_shares < 0:
        raise Invalid(f"invalid CPU shares ({given.cpu_shares}): value must be a positive integer")
    if given.cpu_shares == 1:
        raise Invalid("the minimum allowed cpu-shares is 2")
    if given.cpu_shares > 262144:
        raise Invalid("the maximum allowed cpu-shares is 262144")
    if given.cpu_period and not 1000 <= given.cpu_period <= 1_000_000:
        raise Invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
    if 0 < given.cpu_quota < 1000:
        raise Invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)")


def _check_cpuset(given: Resources, host: HostFacts) -> None:
    subjects = (
        ("cpuset cpus", "CPUs", given.cpuset_cpus, host.online_cpus),
        ("cpuset mems", "memory nodes", given.cpuset_mems, host.memory_nodes),
    )
    for field, things, wanted, available in subjects:
        if not wanted:
            continue
        try:
            numbers = parse_list(wanted)
        except ValueError:
            raise Invalid(f"Invalid value {wanted} for {field}: invalid format: {wanted}") from None
        if not numbers <= parse_list(available):
            raise Invalid(f"Requested {things} are not available - requested {wanted}, available: {available}")


def parse_list(text: str) -> set[int]:
    """ "0-2,7" -> {0, 1, 2, 7}; cpuset(7). Raises ValueError."""
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        low, high = int(first), int(last) if dash else int(first)
        if not 0 <= low <= high < 8192:
            raise ValueError(part)
        numbers.update(range(low, high + 1))
    return numbers


def warnings(given: Resources, host: HostFacts) -> list[str]:
    """What was asked for and cannot be had."""
    return [text for applies, _, text in _rules(given, host) if applies]


def supported(given: R, host: HostFacts) -> R:
    """``given`` without what cannot be had, so that inspect does not show limits that are not in force."""
    dropped: dict[str, object] = {}
    for applies, fields, _ in _rules(given, host):
        if applies:
            dropped |= fields
    return replace(given, **dropped) if dropped else given


def _rules(given: Resources, host: HostFacts) -> tuple[tuple[bool, dict[str, object], str], ...]:
    """Whether a limit cannot be had, what is left in its place, and what is said about it."""
    discarded = "or the cgroup is not mounted."
    memory, cpu = "memory" in host.controllers, "cpu" in host.controllers
    return (
        (
            not memory and given.memory > 0,
            {"memory": 0, "memory_swap": 0},
            f"Your kernel does not support memory limit capabilities {discarded} Limitation discarded.",
        ),
        (
            memory and not host.swap_limit and given.memory > 0 and given.memory_swap != -1,
            {"memory_swap": -1},
            f"Your kernel does not support swap limit capabilities {discarded} Memory limited without swap.",
        ),
        (
            not memory and given.memory_reservation > 0,
            {"memory_reservation": 0},
            f"Your kernel does not support memory soft limit capabilities {discarded} Limitation discarded.",
        ),
        (
            host.unified and given.memory_swappiness not in (None, -1),
            {"memory_swappiness": None},
            f"Your kernel does not support memory swappiness capabilities {discarded} Memory swappiness discarded.",
        ),
        (
            bool(given.oom_kill_disable) and host.unified,
            {"oom_kill_disable": None},
            "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
        ),
        (
            bool(given.oom_kill_disable) and not host.unified and given.memory == 0,
            {},
            "OOM killer is disabled for the container, but no memory limit is set, this can result in the system "
            "running out of resources.",
        ),
        (
            "pids" not in host.controllers and (given.pids_limit or 0) > 0,
            {"pids_limit": None},
            f"Your kernel does not support PIDs limit capabilities {discarded} PIDs limit discarded.",
        ),
        (
            not cpu and given.cpu_shares > 0,
            {"cpu_shares": 0},
            f"Your kernel does not support CPU shares {discarded} Shares discarded.",
        ),
        (
            not cpu and bool(given.nano_cpus or given.cpu_quota or given.cpu_period),
            {"nano_cpus": 0, "cpu_quota": 0, "cpu_period": 0},
            f"Your kernel does not support CPU cfs quota {discarded} Quota discarded.",
        ),
        (
            "cpuset" not in host.controllers and bool(given.cpuset_cpus or given.cpuset_mems),
            {"cpuset_cpus": "", "cpuset_mems": ""},
            f"Your kernel does not support cpuset {discarded} Cpuset discarded.",
        ),
        (
            not host.blkio_weight and given.blkio_weight > 0,
            {"blkio_weight": 0},
            f"Your kernel does not support Block I/O weight {discarded} Weight discarded.",
        ),
        (
            not host.blkio_weight and bool(given.blkio_weight_device),
            {"blkio_weight_device": []},
            f"Your kernel does not support Block I/O weight_device {discarded} Weight-device discarded.",
        ),
    )
