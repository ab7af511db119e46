"""The runtime specification's types and their JSON."""

from __future__ import annotations

import pytest

from corral.oci.runtime import Spec


def test_what_a_foreign_bundle_leaves_out_is_empty() -> None:
    spec = Spec.from_json({"ociVersion": "1.0.2", "process": {"args": ["sh"], "cwd": "/"}, "root": {"path": "r"}})
    assert spec.linux.sysctl == {}
    assert spec.linux.time_offsets == {}
    assert spec.hooks is None


def test_every_part_survives_the_way_there_and_back() -> None:
    data = {
        "ociVersion": "1.2.0",
        "process": {
            "args": ["sh"],
            "scheduler": {"policy": "SCHED_DEADLINE", "runtime": 1, "deadline": 2, "period": 3},
            "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 3},
            "execCPUAffinity": {"initial": "0", "final": "1"},
        },
        "root": {"path": "elsewhere"},
        "mounts": [{"destination": "/a", "uidMappings": [{"hostID": 7, "size": 1}]}],
        "hooks": {"createRuntime": [{"path": "/bin/true", "timeout": 3}]},
        "linux": {
            "timeOffsets": {"monotonic": {"secs": 3}},
            "personality": {"domain": "LINUX32"},
            "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0"},
            "intelRdt": {"closID": "guaranteed"},
            "netDevices": {"eth7": {"name": "eth0"}},
            "resources": {
                "rdma": {"mlx5_1": {"hcaHandles": 3}},
                "network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 5}]},
            },
        },
    }
    assert Spec.from_json(data).to_json() == data


@pytest.mark.parametrize("data", [{"hooks": {"prestart": [{}]}}, {"linux": {"timeOffsets": {"monotonic": 3}}}])
def test_a_wrong_shape_is_named(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"Hook\.path: missing|wrong type"):
        Spec.from_json(data)
