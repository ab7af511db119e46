"""Where the resctrl file system is mounted."""

from __future__ import annotations

__all__ = ["find", "mount_point"]


def find(mountinfo: str) -> str | None:
    """Out of the text of /proc/self/mountinfo: the mount point of the whole of it, None without one."""
    for line in mountinfo.splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.split(" ", 1)[0] == "resctrl" and fields.split(" ")[3] == "/":
            return fields.split(" ")[4]
    return None


def mount_point() -> str | None:
    """Of this mount namespace."""
    with open("/proc/self/mountinfo") as file:
        return find(file.read())
