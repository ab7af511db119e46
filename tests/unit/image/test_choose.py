"""Which storage driver a data root gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from corral.errors import Invalid
from corral.image.graphdriver.choose import choose, filesystem_of
from corral.store.layout import DataRoot

MOUNTINFO = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:25 / /run rw,nosuid - tmpfs tmpfs rw
31 22 0:31 / /with\\040blank rw - xfs /dev/vdb rw
40 22 0:40 / /var/lib rw - overlay overlay rw,lowerdir=/a
"""


def test_the_innermost_mount_counts() -> None:
    assert filesystem_of(Path("/srv/data"), MOUNTINFO) == "ext4"
    assert filesystem_of(Path("/run"), MOUNTINFO) == "tmpfs"
    assert filesystem_of(Path("/runner"), MOUNTINFO) == "ext4"
    assert filesystem_of(Path("/with blank/x"), MOUNTINFO) == "xfs"
    assert filesystem_of(Path("/var/lib/corral"), MOUNTINFO) == "overlay"


def test_a_driver_by_name(tmp_path: Path) -> None:
    assert choose(DataRoot(tmp_path), "vfs").name == "vfs"
    assert choose(DataRoot(tmp_path), "overlay2").name == "overlay2"
    with pytest.raises(Invalid, match="driver not supported: floppy"):
        choose(DataRoot(tmp_path), "floppy")
