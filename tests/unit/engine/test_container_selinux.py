"""SELinux at the level of containers: whose label is shared, what is relabelled, what is mounted with a label."""

from __future__ import annotations

import dataclasses

import pytest

from corral.api.types.host_config import HostConfig
from corral.api.types.wire import replace
from corral.engine.container import selinux as engine
from corral.engine.container.record import ContainerRecord
from corral.engine.spec.input import SpecInput
from corral.engine.spec.security import with_modules, with_mount_labels
from corral.errors import Invalid
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Mount, Spec
from corral.runtime.security.selinux.labels import Labels
from corral.volume.mount import ContainerMount

BASE = Labels("system_u:system_r:container_t:s0", "system_u:object_r:container_file_t:s0")
MINE = "system_u:object_r:container_file_t:s0:c1,c2"


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corral.runtime.security.selinux.base_labels", lambda: BASE)


def record(**fields: object) -> ContainerRecord:
    made: ContainerRecord = object.__new__(ContainerRecord)
    for field in dataclasses.fields(ContainerRecord):
        value = fields.get(field.name, "" if field.name.endswith("label") else None)
        object.__setattr__(made, field.name, value)
    return made


@pytest.mark.parametrize(
    "given", [HostConfig(privileged=True), HostConfig(ipc_mode="host"), HostConfig(pid_mode="host")]
)
def test_who_shares_with_the_host_has_no_label(given: HostConfig) -> None:
    assert engine.labels(given, (), {}, ()).process == ""


def test_options_of_its_own_count_for_who_is_privileged_too() -> None:
    assert engine.labels(HostConfig(privileged=True), ("level:s0",), {}, ()).process == BASE.process


def test_who_joins_another_has_its_label() -> None:
    donor = record(process_label=f"{BASE.process}:c3,c4")
    given = HostConfig(ipc_mode="container:x", pid_mode="container:x")
    assert engine.labels(given, (), {"ipc": donor, "pid": donor}, ()).process == donor.process_label


def test_who_joins_two_with_different_labels_is_refused() -> None:
    donors = {"ipc": record(process_label=f"{BASE.process}:c3,c4"), "pid": record(process_label=BASE.process)}
    with pytest.raises(Invalid, match="--ipc and --pid containers SELinux labels aren't the same"):
        engine.labels(HostConfig(ipc_mode="container:x", pid_mode="container:y"), (), donors, ())


def test_only_what_is_asked_for_is_relabelled(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, str, bool]] = []
    monkeypatch.setattr(
        "corral.runtime.security.selinux.relabel", lambda path, label, *, shared: done.append((path, label, shared))
    )
    mounts = [
        ContainerMount("bind", "/a", source="/1", mode="ro,z"),
        ContainerMount("bind", "/b", source="/2", mode="Z"),
        ContainerMount("bind", "/c", source="/3"),
        ContainerMount("tmpfs", "/d", mode="z"),
    ]
    engine.relabel_mounts(mounts, MINE)
    assert done == [("/1", MINE, True), ("/2", MINE, False)]
    engine.relabel_mounts(mounts, "")
    assert len(done) == 2


def test_the_root_is_mounted_with_the_label() -> None:
    overlay, bind = RootfsMount("overlay", "overlay", ("lowerdir=a",)), RootfsMount("bind", "/x")
    labelled = engine.labelled((overlay, bind), MINE)
    assert labelled == (RootfsMount("overlay", "overlay", ("lowerdir=a", f'context="{MINE}"')), bind)


def test_the_spec_has_both_labels() -> None:
    given = SpecInput(
        record=record(process_label="p", mount_label=MINE, host_config=replace(HostConfig(), privileged=False))
    )
    spec = with_modules(given, Spec(mounts=(Mount("/proc", "proc", "proc"), Mount("/dev/shm", "tmpfs", "shm"))))
    assert (spec.process.selinux_label, spec.linux.mount_label) == ("p", MINE)
    spec = with_mount_labels(given, spec)
    assert [mount.options for mount in spec.mounts] == [(), (f'context="{MINE}"',)]
