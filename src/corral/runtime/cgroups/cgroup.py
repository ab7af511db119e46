"""One container's place in all hierarchies of the host.

::

    hierarchies = Hierarchies.of_host()
    cgroup = Cgroup.at(hierarchies, "/corral/ID")
    warnings = cgroup.create(resources)           # directories and limits, before the container exists
    ... clone3(..., cgroup_fd=cgroup.open_v2()); the child writes "0" to each of cgroup.procs_files() ...
    cgroup.pids(); cgroup.freeze(); cgroup.thaw(); cgroup.update(resources); cgroup.oom_kill_count()
    cgroup.kill(); cgroup.delete()

An object holds no descriptors and no state that is not on the file system but which directories it has seen: after a
restart ``Cgroup.at`` finds everything again. All methods block, for microseconds, or where said for longer.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from corral.errors import CorralError, Invalid, NotFound, Unsupported
from corral.oci.runtime import DeviceRule, Resources, Spec
from corral.runtime.cgroups import device_program, devices, freezer, memory, oom, tree, unified
from corral.runtime.cgroups.delegation import enable_controllers
from corral.runtime.cgroups.directory import make_directory
from corral.runtime.cgroups.hierarchies import Hierarchies, Hierarchy
from corral.runtime.cgroups.plan import Place, directory_of, make_plan
from corral.runtime.cgroups.write import Write, apply, read_text, write_text

if TYPE_CHECKING:
    from corral.runtime.cgroups.beside import Beside
    from corral.runtime.cgroups.change import Change
    from corral.runtime.cgroups.stats import CgroupStats

__all__ = ["Cgroup"]

_DELETE_PATIENCE = 1.0
_KILL_PASSES = 10
_WRONG_VALUE = (errno.EINVAL, errno.ERANGE, errno.ENOSPC, errno.EBUSY, errno.ENODEV, errno.EOPNOTSUPP)


class Cgroup:
    """See the module. ``path`` is below the root of each hierarchy's mount, the same in all; ``beside``: what else the
    container joins, for ``create``, ``procs_files`` and ``delete``."""

    __slots__ = ("_everything", "_hierarchies", "_joined", "beside", "path")

    def __init__(self, hierarchies: Hierarchies, path: str, *, everything: bool = False) -> None:
        parts = path.strip("/").split("/")
        if not parts[0] or ".." in parts or "." in parts or "" in parts:
            raise Invalid(f"invalid cgroup path: {path!r}")
        self.path = "/" + "/".join(parts)
        self._hierarchies = hierarchies
        self._everything = everything
        self._joined: tuple[str, ...] | None = None
        self.beside: Beside | None = None

    @classmethod
    def at(cls, hierarchies: Hierarchies, path: str, *, everything: bool = False) -> Cgroup:
        """``everything``: join all controllers, for a container to which the hierarchies are mounted writable.

        A ``path`` of the form ``slice:prefix:name`` is a scope that systemd is asked for. Raises Invalid for a path
        that is empty or not plain.
        """
        if path.count(":") == 2 and not path.startswith("/"):
            from corral.runtime.cgroups.systemd.group import SystemdCgroup

            return SystemdCgroup(hierarchies, path, everything=everything)
        return cls(hierarchies, path, everything=everything)

    @property
    def place(self) -> str:
        """What ``at`` finds this group by: its path, unless systemd manages it."""
        return self.path

    @classmethod
    def of_spec(cls, hierarchies: Hierarchies, spec: Spec) -> Cgroup:
        """The one that a spec asks for; with all controllers if the container may write to what it sees of them."""
        writable = any(mount.type in ("cgroup", "cgroup2") and "ro" not in mount.options for mount in spec.mounts)
        return cls.at(hierarchies, spec.linux.cgroups_path, everything=writable)

    # -- life

    def create(self, resources: Resources | None, _annotations: Mapping[str, str] | None = None) -> list[str]:
        """Make the directories and set the limits. Returns warnings about limits that this host does not have.

        ``_annotations``: the description's, among which may be some for who manages the groups.

        On failure nothing remains. Raises Invalid for a value that the kernel refuses, Unsupported when devices cannot
        be restricted as asked, OSError otherwise.
        """
        resources = resources or Resources()
        plan = make_plan(self._hierarchies, self.path, resources, everything=self._everything)
        warnings = list(plan.warnings)
        with ExitStack() as undo:
            for place in plan.places:
                if place.hierarchy.version == 2:
                    warnings += enable_controllers(place.hierarchy, self.path, plan.enable)
                if make_directory(place.hierarchy, self.path):
                    undo.callback(tree.remove, place.directory, 0)
                warnings += _apply(place)
            self._restrict_devices(resources)
            if self.beside is not None:
                self.beside.create()
            undo.pop_all()
        self._joined = tuple(place.directory for place in plan.places)
        return warnings

    def update(self, resources: Resources) -> list[str]:
        """Change limits of a group that has processes, joining controllers that were not needed before.

        What ``resources`` leaves out stays, device rules as well. Returns warnings. Raises as ``create`` does, and then
        everything is as it was, except that the group may have joined a controller.
        """
        from corral.runtime.cgroups.change import Change
        from corral.runtime.cgroups.current import check_usage, complete_v2

        memory_place = self._hierarchies.of("memory")
        usage = "memory.usage_in_bytes" if memory_place and memory_place.version == 1 else "memory.current"
        check_usage(resources.memory, self._read("memory", usage))
        if self._hierarchies.v2 is not None:
            resources = complete_v2(resources, lambda file: self._read(file.partition(".")[0], file))
        device_rules, resources = resources.devices, dataclasses.replace(resources, devices=())
        plan = make_plan(self._hierarchies, self.path, resources, memory_v1=self._memory_v1())
        warnings = list(plan.warnings)
        change = Change()
        try:
            for place in plan.places:
                if not place.writes:
                    continue
                if place.hierarchy.version == 2:
                    warnings += enable_controllers(place.hierarchy, self.path, plan.enable)
                self._join(place.hierarchy)
                warnings += _apply(place, change.apply)
            if device_rules:
                self._replace_devices(device_rules, change)
            self._confirm(dataclasses.replace(resources, devices=device_rules))
        except BaseException:
            change.undo()
            raise
        return warnings

    def delete(self) -> None:
        """Remove all directories and what is nested in them; kills what is still in there. Idempotent.

        Waits for up to 1 s for processes that it killed to be gone: one that has much memory takes its time. Raises
        OSError, EBUSY, if they are not.
        """
        failure = None
        for directory in self._candidates():
            try:
                tree.remove(directory, 0)
                continue
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
            self.kill()
            try:
                tree.remove(directory, _DELETE_PATIENCE)
            except OSError as error:
                failure = error
        self._joined = None
        if self.beside is not None:
            self.beside.delete()
        if failure is not None:
            raise failure

    # -- entering

    def entered(self, _pid: int = 0) -> None:
        """The container's first process is there, 0 if it will never be. Called once after ``create``."""

    def procs_files(self, *, v2: bool = False) -> list[str]:
        """The cgroup.procs files that a child writes "0" to, to be in the group; ``v2``: that of version 2 as well.

        Version 2 is left out by default: the child is born there (``open_v2``). Files of what is ``beside`` come last.
        """
        skip = None if v2 else self._v2_directory()
        files = [f"{directory}/cgroup.procs" for directory in self._directories() if directory != skip]
        return files if self.beside is None else files + self.beside.tasks_files()

    def open_v2(self) -> int | None:
        """A descriptor of the version 2 directory, for CLONE_INTO_CGROUP; None without version 2. Raises OSError."""
        directory = self._v2_directory()
        if directory is None:
            return None
        return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    # -- processes

    def pids(self) -> list[int]:
        """Everything in the group and in groups nested in it, as host process ids; sorted."""
        directories = self._directories()
        return tree.members(directories[0]) if directories else []

    def freeze(self) -> None:
        """Stop every process where it is. Waits for up to 0.1 s. Raises NotFound, OSError."""
        self._set_frozen(True)

    def thaw(self) -> None:
        self._set_frozen(False)

    def is_frozen(self) -> bool:
        """False as well when there is no such group."""
        try:
            directory = self._v2_directory()
            if directory is not None:
                return freezer.is_frozen_v2(directory)
            place = self._hierarchies.of("freezer")
            return place is not None and freezer.is_frozen_v1(directory_of(place, self.path))
        except FileNotFoundError:
            return False

    def kill(self) -> None:
        """SIGKILL to everything in the group and below; against a fork bomb too. Does not wait for the deaths."""
        directory = self._v2_directory()
        if directory is not None:
            try:
                write_text(f"{directory}/cgroup.kill", "1")
                return
            except FileNotFoundError:  # the group is gone, or Linux before 5.14
                pass
        self._kill_one_by_one()

    # -- watching

    def oom_fd(self) -> oom.OomWatch | None:
        """Something to wait on for out-of-memory kills; None when the memory controller is not here."""
        place = self._hierarchies.of("memory")
        if place is None:
            return None
        directory = directory_of(place, self.path)
        make = oom.OomWatch.v1 if place.version == 1 else oom.OomWatch.v2
        try:
            return make(directory, place.mount_point)
        except FileNotFoundError:
            return None

    def oom_kill_count(self) -> int:
        """How many processes of the group and below the kernel killed for memory; 0 when unknown."""
        place = self._hierarchies.of("memory")
        if place is None:
            return 0
        return oom.kill_count(directory_of(place, self.path), place.version, nested=self._everything)

    def stats(self) -> CgroupStats:
        """Numbers of the moment; those whose controller is not joined are zero or None."""
        from corral.runtime.cgroups.stats import collect  # the supervisor, which makes containers, has no use for it

        return collect(self._hierarchies, self.path)

    # -- inside

    def _confirm(self, resources: Resources) -> None:
        """The last step of an update, which may still fail."""

    def _candidates(self) -> list[str]:
        """Version 2 first: it is the one that is always joined and that can kill."""
        v2 = self._hierarchies.v2
        return [directory_of(h, self.path) for h in ((v2,) if v2 else ()) + self._hierarchies.v1]

    def _directories(self) -> list[str]:
        if self._joined is None:
            self._joined = tuple(d for d in self._candidates() if os.path.isdir(d))
        return list(self._joined)

    def _v2_directory(self) -> str | None:
        v2 = self._hierarchies.v2
        return directory_of(v2, self.path) if v2 is not None else None

    def _join(self, hierarchy: Hierarchy) -> None:
        """Make sure that the group exists in ``hierarchy`` with all its processes."""
        directories = self._directories()
        if make_directory(hierarchy, self.path):
            directory = directory_of(hierarchy, self.path)
            if directories:
                tree.move_all(directories[0], directory)
            self._joined = (*directories, directory)

    def _set_frozen(self, frozen: bool) -> bool:
        """Returns whether the kernel has said that it is so."""
        directory = self._v2_directory()
        try:
            if directory is not None:
                try:
                    return freezer.set_v2(directory, frozen)
                except FileNotFoundError:
                    if not os.path.isdir(directory):
                        raise
            place = self._hierarchies.of("freezer")
            if place is None:
                raise Unsupported("Your kernel does not support cgroup freezer or the cgroup is not mounted")
            self._join(place)
            return freezer.set_v1(directory_of(place, self.path), frozen)
        except FileNotFoundError as error:
            raise NotFound(f"no such cgroup: {self.path}") from error

    def _kill_one_by_one(self) -> None:
        """Frozen first, so that nobody forks away; version 1 does not let them die before they are thawed."""
        for _ in range(_KILL_PASSES):
            if not self.pids():
                return
            still = self._try_to_freeze(True)
            for pid in self.pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self._try_to_freeze(False)
            if still:
                return

    def _try_to_freeze(self, frozen: bool) -> bool:
        try:
            return self._set_frozen(frozen)
        except (CorralError, OSError):
            return False

    def _restrict_devices(self, resources: Resources) -> None:
        if not resources.devices or self._hierarchies.of("devices") is not None:
            return
        device_list = devices.device_list(resources.devices)
        if device_list.is_unrestricted:
            return
        directory = self._v2_directory()
        if directory is None:
            raise Unsupported("Devices cgroup isn't mounted")
        device_program.attach(directory, device_list)

    def _replace_devices(self, rules: tuple[DeviceRule, ...], change: Change) -> None:
        """The last thing in an update: what the kernel does in one step needs no undoing."""
        place = self._hierarchies.of("devices")
        if place is not None:
            self._join(place)
            listed = self._read("devices", "devices.list")
            change.apply(directory_of(place, self.path), devices.v1_change(listed, rules))
            return
        directory = self._v2_directory()
        if directory is None:
            raise Unsupported("Devices cgroup isn't mounted")
        device_program.replace(directory, devices.device_list(rules))

    def _read(self, controller: str, file: str) -> str:
        """A control file's text, "" when it is not there. Raises OSError."""
        place = self._hierarchies.of(controller)
        if place is None:
            return ""
        try:
            return read_text(f"{directory_of(place, self.path)}/{file}")
        except FileNotFoundError:
            return ""

    def _memory_v1(self) -> Callable[[Resources], list[Write]]:
        place = self._hierarchies.of("memory")
        if place is None or place.version == 2:
            return memory.v1
        now = self._read("memory", "memory.memsw.limit_in_bytes").strip()
        return lambda resources: memory.v1(resources, int(now) if now else 0)


def _apply(place: Place, carry_out: Callable[[str, Iterable[Write]], list[str]] = apply) -> list[str]:
    try:
        return carry_out(place.directory, place.writes)
    except OSError as error:
        raise _explained(place, error) from error


def _explained(place: Place, error: OSError) -> Exception:
    """The same, or in the user's terms when it is the value that is wrong."""
    file = os.path.basename(error.filename or "")
    write = next((write for write in place.writes if write.file == file), None)
    if write is not None and write.must:
        return unified.refusal(file, error)
    if error.errno == errno.EBUSY and file == "memory.limit_in_bytes" and write is not None:
        usage, peak = (read_text(f"{place.directory}/memory.{n}usage_in_bytes").strip() for n in ("", "max_"))
        return Invalid(f"unable to set memory limit to {write.value} (current usage: {usage}, peak usage: {peak})")
    if error.errno in _WRONG_VALUE:
        return Invalid(f"{error.filename}: {error.strerror}")
    return error
