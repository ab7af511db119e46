"""D-Bus's wire format, and a scope's life against a bus that is played by the test."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corral.errors import Internal, Invalid, Unavailable
from corral.oci.runtime import DeviceRule, Pids, Resources
from corral.runtime.cgroups import Cgroup, Hierarchies
from corral.runtime.cgroups.hierarchies import Hierarchy
from corral.runtime.cgroups.systemd import message as wire
from corral.runtime.cgroups.systemd.bus import Bus, system_bus_address
from corral.runtime.cgroups.systemd.message import Message

MANAGER = "org.freedesktop.systemd1.Manager"


# -- the wire


@pytest.mark.parametrize(
    ("signature", "values", "data"),
    [
        ("y", (7,), b"\x07"),
        ("yu", (7, 1), b"\x07\0\0\0\x01\0\0\0"),
        ("s", ("foo",), b"\x03\0\0\0foo\0"),
        ("g", ("a{sv}",), b"\x05a{sv}\0"),
        ("b", (True,), b"\x01\0\0\0"),
        ("ay", (b"\x01\x02",), b"\x02\0\0\0\x01\x02"),
        ("at", ([5],), b"\x08\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0"),
        ("v", (("u", 9),), b"\x01u\0\0\x09\0\0\0"),
        ("(yt)", ((1, 2),), b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0"),
        ("at", ([],), b"\0\0\0\0\0\0\0\0"),
    ],
)
def test_values_as_the_specification_lays_them_out(signature: str, values: tuple[object, ...], data: bytes) -> None:
    assert wire.marshal(signature, values) == data
    assert wire.unmarshal(signature, data) == values


def test_dictionaries_nested_in_arrays_of_structures_come_back() -> None:
    signature = "sa(sv)a(sa(sv))a{sv}nqixd"[:-1]
    values = (
        "unit",
        [("MemoryMax", ("t", 2**64 - 1)), ("DeviceAllow", ("a(ss)", [("char-*", "m")])), ("PIDs", ("au", [1, 2]))],
        [("aux", [("A", ("b", False))])],
        {"key": ("s", "ä"), "other": ("v", ("y", 1))},
        -2,
        65535,
        -1,
        -(2**40),
    )
    assert wire.unmarshal(signature, wire.marshal(signature, values)) == values


@pytest.mark.parametrize("signature", ["a", "(s", "{", "z", "a{s"])
def test_signatures_that_are_none(signature: str) -> None:
    with pytest.raises(ValueError, match="signature"):
        wire.marshal(signature, ("x",))


def test_message_comes_back_and_knows_its_length() -> None:
    message = Message(
        wire.CALL, 7, path="/a", interface="a.b", member="C", destination="d.e", signature="su", body=("x", 1)
    )
    data = wire.encode(message)
    assert wire.length(data[: wire.HEADER]) == len(data)
    assert wire.decode(data) == message
    with pytest.raises(ValueError, match="truncated"):
        wire.decode(data[:-1])
    with pytest.raises(ValueError, match="not a D-Bus message"):
        wire.decode(b"x" + data[1:])


def test_big_endian_is_read() -> None:
    fields = b"\x05\x01u\0\0\0\0\x09\x08\x01g\0\x01u\0\0"
    data = (
        b"B\x02\0\x01\0\0\0\x04\0\0\0\x03" + len(fields[:15]).to_bytes(4, "big") + fields[:15] + b"\0" + b"\0\0\0\x2a"
    )
    message = wire.decode(data)
    assert (message.type, message.serial, message.reply_serial, message.body) == (wire.RETURN, 3, 9, (42,))


# -- the bus


class FakeSystemd:
    """Answers as systemd does; keeps what it was asked. ``results``: how jobs end, ``errors``: what is answered
    instead, name and text, both by method; ``writes``: what SetUnitProperties does to files of the scope."""

    def __init__(self, path: Path, root: Path) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.results: dict[str, str] = {}
        self.errors: dict[str, list[str]] = {}
        self.writes: dict[str, str] = {}
        self._root = root
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def methods(self) -> list[str]:
        return [name for name, _ in self.calls if name not in ("Hello", "AddMatch", "Subscribe")]

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            with connection:
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        uid = str(os.geteuid()).encode().hex().encode()
        assert stream.readline() == b"\0AUTH EXTERNAL " + uid + b"\r\n"
        connection.sendall(b"OK 0123\r\n")
        assert stream.readline() == b"BEGIN\r\n"
        while header := stream.read(wire.HEADER):
            self._answer(connection, wire.decode(header + stream.read(wire.length(header) - wire.HEADER)))

    def _answer(self, connection: socket.socket, call: Message) -> None:
        self.calls.append((call.member, call.body))
        if names := self.errors.get(call.member):
            name, _, text = names.pop().partition(" ")
            error = Message(
                wire.ERROR, 2, reply_serial=call.serial, error_name=name, signature="s", body=(text or "no",)
            )
            connection.sendall(wire.encode(error))
            return
        signature, body = "", ()
        if call.member == "GetUnit":  # by now it has
            for file, value in self.writes.items():
                (self._root / "system.slice" / str(call.body[0]) / file).write_text(value)
        if call.member in ("StartTransientUnit", "StopUnit"):
            signature, body = "o", ("/job/1",)
            group = self._root / "system.slice" / str(call.body[0])
            if call.member == "StartTransientUnit":
                group.mkdir(parents=True, exist_ok=True)
                for name in ("cgroup.procs", "cgroup.kill", "pids.max"):
                    (group / name).touch()
            result = self.results.get(call.member, "done")
            for number, job in ((8, "/job/other"), (1, "/job/1")):  # before the answer, as it may well be
                removed = (number, job, call.body[0], result)
                signal = Message(
                    wire.SIGNAL, 3, path="/", interface=MANAGER, member="JobRemoved", signature="uoss", body=removed
                )
                connection.sendall(wire.encode(signal))
        connection.sendall(
            wire.encode(Message(wire.RETURN, 2, reply_serial=call.serial, signature=signature, body=body))
        )


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSystemd]:
    root = tmp_path / "cg"
    (root / "system.slice").mkdir(parents=True)
    for group in (root, root / "system.slice"):
        (group / "cgroup.subtree_control").write_text("pids")
    fake = FakeSystemd(tmp_path / "bus", root)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/bus,guid=1")
    yield fake
    fake.close()


@pytest.fixture
def scope(tmp_path: Path) -> Cgroup:
    hierarchies = Hierarchies((), Hierarchy(str(tmp_path / "cg"), 2, frozenset({"pids"})))
    return Cgroup.at(hierarchies, "system.slice:corral:x")


def test_scope_is_made_around_a_placeholder_that_ends(systemd: FakeSystemd, scope: Cgroup, tmp_path: Path) -> None:
    assert scope.create(Resources(pids=Pids(7))) == []
    name, (unit, mode, properties, auxiliary) = systemd.calls[-1]
    assert (name, unit, mode, auxiliary) == ("StartTransientUnit", "corral-x.scope", "replace", [])
    asked = dict(properties)
    assert asked["Slice"] == ("s", "system.slice")
    assert asked["Delegate"] == ("b", True)
    assert asked["TasksMax"] == ("t", 7)
    (placeholder,) = asked["PIDs"][1]
    os.kill(placeholder, 0)
    scope.entered()
    with pytest.raises(ProcessLookupError):
        os.kill(placeholder, 0)
    assert (tmp_path / "cg/system.slice/corral-x.scope/pids.max").read_text() == "7"


def test_scope_that_failed_before_is_made_again(systemd: FakeSystemd, scope: Cgroup) -> None:
    systemd.errors["StartTransientUnit"] = ["org.freedesktop.systemd1.UnitExists"]
    scope.create(None)
    scope.entered()
    assert systemd.methods() == ["StartTransientUnit", "ResetFailedUnit", "StartTransientUnit"]


UNKNOWN = "org.freedesktop.DBus.Error.PropertyReadOnly Cannot set property {}, or unknown property."


def test_limits_that_this_systemd_does_not_know_are_ours_alone(systemd: FakeSystemd, scope: Cgroup) -> None:
    systemd.errors["StartTransientUnit"] = [UNKNOWN.format(name) for name in ("DeviceAllow", "IOAccounting")]
    assert scope.create(Resources(pids=Pids(7), devices=(DeviceRule(True, "a"),))) == []
    scope.entered()
    asked = [{name for name, _ in body[2]} for member, body in systemd.calls if member == "StartTransientUnit"]
    assert asked[0] - asked[1] == {"IOAccounting"}
    assert asked[1] - asked[2] == {"DevicePolicy", "DeviceAllow"}
    assert {"PIDs", "Slice", "Delegate", "TasksMax"} <= asked[2]


def test_what_was_asked_for_by_name_must_be_known(systemd: FakeSystemd, scope: Cgroup) -> None:
    systemd.errors["StartTransientUnit"] = [UNKNOWN.format("Nonsense")]
    with pytest.raises(Internal, match="Cannot set property Nonsense"):
        scope.create(None, {"org.systemd.property.Nonsense": "true"})
    assert systemd.methods()[0] == "StartTransientUnit"
    assert "StartTransientUnit" not in systemd.methods()[1:]


def test_annotations_are_properties_of_the_scope(systemd: FakeSystemd, scope: Cgroup) -> None:
    annotations = {"org.systemd.property.TimeoutStopSec": "uint64 5", "other": "x"}
    scope.create(None, annotations)
    scope.entered()
    asked = dict(systemd.calls[-1][1][2])
    assert asked["TimeoutStopUSec"] == ("t", 5_000_000)
    assert "other" not in asked


def test_what_systemd_writes_less_exactly_is_put_back(systemd: FakeSystemd, scope: Cgroup, tmp_path: Path) -> None:
    scope.create(Resources(pids=Pids(7)))
    scope.entered()
    systemd.writes = {"pids.max": "4"}
    scope.update(Resources(pids=Pids(9)))
    assert (tmp_path / "cg/system.slice/corral-x.scope/pids.max").read_text() == "9"


def test_scope_that_systemd_does_not_make_leaves_no_placeholder(systemd: FakeSystemd, scope: Cgroup) -> None:
    systemd.results["StartTransientUnit"] = "failed"
    with pytest.raises(Internal, match=r"systemd job for corral-x\.scope ended with failed"):
        scope.create(None)
    (placeholder,) = dict(next(body for name, body in systemd.calls if name == "StartTransientUnit")[2])["PIDs"][1]
    with pytest.raises(ProcessLookupError):
        os.kill(placeholder, 0)
    assert "StopUnit" in systemd.methods()


def test_update_tells_systemd_last_and_is_undone_when_it_refuses(
    systemd: FakeSystemd, scope: Cgroup, tmp_path: Path
) -> None:
    scope.create(Resources(pids=Pids(7)))
    scope.entered()
    scope.update(Resources(pids=Pids(9)))
    told = ("SetUnitProperties", ("corral-x.scope", True, [("TasksMax", ("t", 9))]))
    assert systemd.calls[-2:] == [told, ("GetUnit", ("corral-x.scope",))]
    systemd.errors["SetUnitProperties"] = ["org.freedesktop.DBus.Error.InvalidArgs"]
    with pytest.raises(Internal, match="SetUnitProperties: no"):
        scope.update(Resources(pids=Pids(5)))
    assert (tmp_path / "cg/system.slice/corral-x.scope/pids.max").read_text() == "9"


def test_deleting_stops_the_unit_and_survives_a_bus_that_is_gone(
    systemd: FakeSystemd, scope: Cgroup, tmp_path: Path
) -> None:
    scope.create(None)
    group = tmp_path / "cg/system.slice/corral-x.scope"
    for name in os.listdir(group):
        (group / name).unlink()
    scope.delete()
    assert systemd.methods()[-2:] == ["StopUnit", "ResetFailedUnit"]
    assert not group.exists()
    systemd.errors["StopUnit"] = ["org.freedesktop.systemd1.NoSuchUnit"]
    scope.delete()
    systemd.close()
    scope.delete()


def test_no_bus_is_said(scope: Cgroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    with pytest.raises(Unavailable, match=f"cannot connect to the system bus at {tmp_path}/none: No such file") as told:
        scope.create(None)
    why = "systemd not running on this host, cannot use systemd cgroups manager"
    assert told.value.message.startswith(why) != os.path.isdir("/run/systemd/system")


def test_bus_that_refuses_us_is_said(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "bus"))
    listener.listen()

    def refuse() -> None:
        connection = listener.accept()[0]
        connection.recv(100)
        connection.sendall(b"REJECTED EXTERNAL\r\n")
        connection.close()

    threading.Thread(target=refuse, daemon=True).start()
    with pytest.raises(Unavailable, match="refuses: REJECTED EXTERNAL"):
        Bus(str(tmp_path / "bus"))
    listener.close()


def test_addresses_of_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SYSTEM_BUS_ADDRESS", raising=False)
    assert system_bus_address() == "/run/dbus/system_bus_socket"
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "tcp:host=x;unix:abstract=/tmp/x,guid=1")
    assert system_bus_address() == "\0/tmp/x"
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "tcp:host=x")
    with pytest.raises(Unavailable, match="unsupported"):
        system_bus_address()


def test_place_is_checked_first(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        Cgroup.at(Hierarchies((), None), "nonsense:corral:x")
