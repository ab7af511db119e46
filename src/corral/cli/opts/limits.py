"""--cpus, --memory-swap, --ulimit, --blkio-weight-device and the --device-*-bps/iops family."""

from __future__ import annotations

from corral.cli.kinds import go_quote, parse_int
from corral.cli.units import parse_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    Json = dict[str, object]

ULIMITS = (
    "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
    "rttime", "sigpending", "stack",
)  # fmt: skip


def parse_cpus(text: str) -> int:
    """``1.5`` -> 1500000000 (billionths of a CPU). Raises ValueError."""
    from fractions import Fraction

    try:
        value = Fraction(text) * 10**9
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"failed to parse {text} as a rational number") from None
    if value.denominator != 1:
        raise ValueError("value is too precise")
    return int(value)


def parse_memory_swap(text: str) -> int:
    """Bytes, or -1 for unlimited."""
    return -1 if text == "-1" else parse_bytes(text)


def parse_ulimit(text: str) -> Json:
    """``nofile=1024:2048``. Raises ValueError."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"invalid ulimit argument: {text}")
    if name not in ULIMITS:
        raise ValueError(f"invalid ulimit type: {name}")
    numbers = value.split(":")
    if len(numbers) > 2:
        raise ValueError(f"too many limit value arguments - {value}, can only have up to two, `soft[:hard]`")
    soft = _limit(numbers[0])
    hard = _limit(numbers[1]) if len(numbers) == 2 else soft
    if hard != -1 and (soft == -1 or soft > hard):
        shown = f"{soft} > {hard}"
        if soft == -1:
            raise ValueError(f"ulimit soft limit must be less than or equal to hard limit: hard: {hard}, soft: {soft}")
        raise ValueError(f"ulimit soft limit must be less than or equal to hard limit: {shown}")
    return {"Name": name, "Soft": soft, "Hard": hard}


def _limit(text: str) -> int:
    if not text.lstrip("-").isdigit():
        raise ValueError(f"strconv.ParseInt: parsing {go_quote(text)}: invalid syntax")
    return int(text)


def parse_weight_device(text: str) -> Json:
    """``/dev/sda:200``. Raises ValueError."""
    path, number = _device(text)
    try:
        weight = parse_int(number, low=0)
    except ValueError:
        weight = 1
    if weight and not 10 <= weight <= 1000:
        raise ValueError(f"invalid weight for device: {text}")
    return {"Path": path, "Weight": weight}


def parse_rate_bytes(text: str) -> Json:
    """``/dev/sda:1mb``. Raises ValueError."""
    path, number = _device(text)
    try:
        return {"Path": path, "Rate": parse_bytes(number)}
    except ValueError:
        raise ValueError(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>[<unit>]. "
            "Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
        ) from None


def parse_rate(text: str) -> Json:
    """``/dev/sda:1000``. Raises ValueError."""
    path, number = _device(text)
    try:
        return {"Path": path, "Rate": parse_int(number, low=0)}
    except ValueError:
        raise ValueError(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>. "
            "Number must be a positive integer"
        ) from None


def _device(text: str) -> tuple[str, str]:
    path, _, number = text.partition(":")
    if not path or not number:
        raise ValueError(f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise ValueError(f"bad format for device path: {text}")
    return path, number
