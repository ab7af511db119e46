"""Where corral answers differently from Docker 28 on purpose, and why. The same list stands in docs/compatibility.md.

A key is ``(scenario, command)``; the reason is one line. A step that is listed here and does not differ any more fails
the test, so the list cannot go stale.
"""

from __future__ import annotations

_NO_RUNC = "The text of a failed start does not name runc and containerd, which are not there."
_OWN_CGROUPS = "Containers have a cgroup namespace of their own on every host, and join only the controllers they need."

DIFFERENCES: dict[tuple[str, str], str] = {
    ("exit codes", "run --rm testbox /no/such/program"): _NO_RUNC,
    ("exit codes", "run --rm testbox nosuchprogram"): _NO_RUNC,
    ("exit codes", "run --rm testbox /etc"): _NO_RUNC,
    ("exit codes", "run --rm testbox /etc/passwd"): _NO_RUNC,
    ("process", "run --rm testbox umask"): _NO_RUNC,
    (
        "process",
        "run --rm --group-add 2000 --group-add 3000 -u user testbox id",
    ): "A supplementary group that is given twice is set once.",
    ("process", "run --rm testbox cat /proc/self/cgroup"): _OWN_CGROUPS,
    (
        "security",
        "run --rm testbox sh -c \"cut -d' ' -f5,6 /proc/self/mountinfo | grep -E '^/(proc|sys|dev)' | sort\"",
    ): _OWN_CGROUPS,
    (
        "network modes",
        "run --rm --dns 10.9.8.7 --dns-search example.test testbox cat /etc/resolv.conf",
    ): "No comments are written into resolv.conf.",
    (
        "shapes",
        "info --format '{{json .}}'",
    ): "There is no containerd and no runc: Containerd is missing, Runtimes differ.",
}
