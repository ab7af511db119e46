"""SELinux labels: what --security-opt label=... makes of the policy's, levels that nobody else has, relabelling."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from corral.errors import Invalid
from corral.runtime.security.selinux.host import base_labels
from corral.runtime.security.selinux.labels import (
    Context,
    Labels,
    allocate_level,
    container_labels,
    duplicated_options,
    level_of,
    shared,
)
from corral.runtime.security.selinux.relabel import is_protected, relabel

BASE = Labels("system_u:system_r:container_t:s0", "system_u:object_r:container_file_t:s0")
LEVEL = r"s0:c\d+,c\d+"


def test_every_container_has_categories_of_its_own() -> None:
    found = container_labels((), BASE, ())
    assert re.fullmatch(f"system_u:system_r:container_t:{LEVEL}", found.process)
    assert re.fullmatch(f"system_u:object_r:container_file_t:{LEVEL}", found.mount)
    assert level_of(found.process) == level_of(found.mount)


def test_categories_are_two_different_ones_in_order() -> None:
    for _ in range(200):
        first, second = map(int, re.findall(r"c(\d+)", allocate_level(())))
        assert 0 <= first < second < 1024


def test_levels_in_use_are_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter([5, 3, 7, 7, 8, 2])
    monkeypatch.setattr("corral.runtime.security.selinux.labels.secrets.randbelow", lambda _: next(numbers))
    assert allocate_level({"s0:c3,c5"}) == "s0:c2,c8"


@pytest.mark.parametrize(
    ("options", "process", "mount"),
    [
        (("level:s0:c1,c2",), "system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2"),
        (("level:s0", "user:u"), "u:system_r:container_t:s0", "u:object_r:container_file_t:s0"),
        (("level:s0", "role:r"), "system_u:r:container_t:s0", "system_u:object_r:container_file_t:s0"),
        (("level:s0", "type:spc_t"), "system_u:system_r:spc_t:s0", "system_u:object_r:container_file_t:s0"),
        (("level:s0", "filetype:x_t"), "system_u:system_r:container_t:s0", "system_u:object_r:x_t:s0"),
        (("type:spc_t", "disable"), "", BASE.mount),
    ],
)
def test_options(options: tuple[str, ...], process: str, mount: str) -> None:
    assert container_labels(options, BASE, ()) == Labels(process, mount)


def test_a_policy_without_containers_gives_no_labels() -> None:
    assert container_labels(("nonsense",), Labels(), ()) == Labels()


@pytest.mark.parametrize("option", ["disabled", "nope:x"])
def test_options_that_do_not_exist(option: str) -> None:
    with pytest.raises(Invalid, match="Bad label option"):
        container_labels((option,), BASE, ())


def test_who_shares_memory_shares_the_label() -> None:
    donor = container_labels((), BASE, ()).process
    assert container_labels(duplicated_options(donor), BASE, ()).process == donor
    assert duplicated_options("") == ("disable",)


def test_contexts_with_and_without_level() -> None:
    assert str(Context.parse("a:b:c:s0:c1,c2")) == "a:b:c:s0:c1,c2"
    assert str(Context.parse("a:b:c")) == "a:b:c"
    with pytest.raises(Invalid):
        Context.parse("a:b")


def test_shared_labels_have_no_categories() -> None:
    assert shared("u:r:t:s0:c1,c2") == "u:r:t:s0"


def test_labels_of_the_policy(tmp_path: Path) -> None:
    (tmp_path / "mcs/contexts").mkdir(parents=True)
    (tmp_path / "config").write_text("# SELINUXTYPE=no\nSELINUX=enforcing\nSELINUXTYPE=mcs\n")
    (tmp_path / "mcs/contexts/lxc_contexts").write_text(f'process = "{BASE.process}"\nfile = "{BASE.mount}"\n')
    assert base_labels(tmp_path) == BASE
    assert base_labels(tmp_path / "none") == Labels()


@pytest.mark.parametrize("path", ["/", "/etc", "/usr/", "/var/lib", "/home/../root"])
def test_the_hosts_directories_are_not_relabelled(path: str) -> None:
    assert is_protected(path)
    with pytest.raises(Invalid, match="SELinux relabeling of"):
        relabel(path, BASE.mount, shared=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("is_shared", [True, False])
def test_a_tree_is_labelled_without_following_links(tmp_path: Path, is_shared: bool) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    (tree / "sub").mkdir(parents=True)
    outside.write_text("")
    (tree / "sub/file").write_text("")
    (tree / "link").symlink_to(outside)
    label = f"{BASE.mount}:c1,c2"
    relabel(str(tree), label, shared=is_shared)
    wanted = (BASE.mount if is_shared else label).encode()
    labels = [_label(path) for path in (tree, tree / "sub", tree / "sub/file", tree / "link")]
    if labels[0] is None:
        pytest.skip("the file system has no labels")
    assert labels == [wanted] * 4
    assert _label(outside) != wanted


def _label(path: Path) -> bytes | None:
    try:
        return os.getxattr(path, "security.selinux", follow_symlinks=False).rstrip(b"\0")
    except OSError:
        return None
