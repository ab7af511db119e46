"""config.md as a whole, and what concerns more than one of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, cast

from corral.runtime.validation.hooks import HOOKS
from corral.runtime.validation.linux import LINUX
from corral.runtime.validation.mounts import MOUNTS
from corral.runtime.validation.process import process
from corral.runtime.validation.shapes import Problem, flag, record, table, text, within

__all__ = ["validate"]

Config = Mapping[str, object]


def _version(value: object, where: str, clause: str) -> Iterator[Problem]:
    yield from text(value, where, clause)
    if not isinstance(value, str):
        return
    core = value.partition("+")[0].partition("-")[0].split(".")
    if len(core) != 3 or not all(_is_plain_number(part) for part in core):
        yield Problem(clause, f"{where}: MUST be in SemVer v2.0.0 format, is {value!r}")
    elif core[0] != "1":
        yield Problem(clause, f"{where}: version {value} is not compatible with this runtime, which supports 1.x")


def _is_plain_number(part: str) -> bool:
    return part.isascii() and part.isdecimal() and (part == "0" or not part.startswith("0"))


def _key(value: object, where: str, clause: str) -> Iterator[Problem]:
    yield from text(value, where, clause)
    if value == "":
        yield Problem(clause, "annotations: keys MUST NOT be an empty string")


_ROOT: Final = record("config.md#root", {"path": text}, {"readonly": flag})
_SHAPE: Final = record(
    "config.md#configuration",
    {},
    {
        "mounts": within("config.md#mounts", MOUNTS),
        "process": within("config.md#process", process),
        "hostname": within("config.md#hostname", text),
        "domainname": within("config.md#domainname", text),
        "linux": LINUX,
        "hooks": HOOKS,
        "annotations": within("config.md#annotations", table(text, _key)),
    },
)


def _versions(config: Config) -> Iterator[Problem]:
    clause = "config.md#specification-version"
    if config.get("ociVersion") is None:
        yield Problem(clause, "ociVersion: is REQUIRED")
    else:
        yield from _version(config["ociVersion"], "ociVersion", clause)


def _root(config: Config) -> Iterator[Problem]:
    root = config.get("root")
    if root is None:
        yield Problem("config.md#root", "root: is REQUIRED")
        return
    yield from _ROOT(root, "root", "config.md#root")
    if isinstance(root, Mapping) and root.get("path") == "":
        yield Problem("config.md#root", "root.path: is REQUIRED")


def _parts(config: Config) -> Iterator[Problem]:
    yield from _SHAPE(config, "", "config.md#configuration")


_NEEDS: Final = (
    ("netDevices", "network", "config-linux.md#network-devices"),
    ("timeOffsets", "time", "config-linux.md#offset-for-time-namespace"),
    ("uidMappings", "user", "config-linux.md#user-namespace-mappings"),
    ("gidMappings", "user", "config-linux.md#user-namespace-mappings"),
)
"""What is done in a namespace of the container's own cannot be done without."""


def _namespaces(config: Config) -> Iterator[Problem]:
    linux = config.get("linux")
    if not isinstance(linux, Mapping):
        return
    kinds = {entry.get("type") for entry in _objects(linux.get("namespaces"))}
    for name, kind, clause in _NEEDS:
        if linux.get(name) and kind not in kinds:
            yield Problem(clause, f"linux.{name}: there is no {kind} namespace")


def _idmapped_mounts(config: Config) -> Iterator[Problem]:
    """Mappings of their own, or those of the container's user namespace."""
    linux = config.get("linux")
    kinds = {entry.get("type") for entry in _objects(linux.get("namespaces") if isinstance(linux, Mapping) else ())}
    for index, mount in enumerate(_objects(config.get("mounts"))):
        options = mount.get("options")
        wanted = [o for o in ("idmap", "ridmap") if isinstance(options, list | tuple) and o in options]
        if wanted and not mount.get("uidMappings") and not mount.get("gidMappings") and "user" not in kinds:
            yield Problem(
                "config.md#linux-mount-options",
                f"mounts[{index}].options: {wanted[0]} without uidMappings and gidMappings needs a user namespace",
            )


def _objects(value: object) -> list[Mapping[str, object]]:
    found = value if isinstance(value, list | tuple) else ()
    return [cast(Mapping[str, object], item) for item in found if isinstance(item, Mapping)]


CHECKS: Final[tuple[Callable[[Config], Iterator[Problem]], ...]] = (
    _versions,
    _root,
    _parts,
    _namespaces,
    _idmapped_mounts,
)


def validate(config: Mapping[str, object], *, starting: bool = False) -> tuple[Problem, ...]:
    """Everything that is wrong, in the order of the specification's parts; () for a valid configuration.

    ``config``: the parsed ``config.json``. ``starting``: as for the start operation, which cannot do without
    ``process``.
    """
    problems = [problem for check in CHECKS for problem in check(config)]
    if starting and config.get("process") is None:
        problems.append(Problem("config.md#process", "process: is REQUIRED when start is called"))
    return tuple(problems)
