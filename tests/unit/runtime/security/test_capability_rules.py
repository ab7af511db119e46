"""--cap-add and --cap-drop as Docker understands them; names, numbers and masks."""

from __future__ import annotations

import pytest

from corral.errors import Invalid
from corral.runtime.security import capabilities
from corral.runtime.security.capabilities import DEFAULT, NUMBERS, mask_of, names_of, resolve

EVERY = tuple(NUMBERS)


def test_default_mask_is_dockers() -> None:
    assert mask_of(DEFAULT) == 0xA80425FB


def test_numbers_are_the_kernels() -> None:
    assert (NUMBERS["CAP_CHOWN"], NUMBERS["CAP_SYS_ADMIN"], NUMBERS["CAP_CHECKPOINT_RESTORE"]) == (0, 21, 40)
    assert len(NUMBERS) == 41


def test_masks_and_names_are_inverse() -> None:
    assert names_of(mask_of(DEFAULT)) == tuple(sorted(DEFAULT, key=NUMBERS.__getitem__))


def test_masks_leave_out_names_that_do_not_exist() -> None:
    assert mask_of(["CAP_FUTURE", "CAP_CHOWN"]) == 1


@pytest.mark.parametrize("name", ["SYS_ADMIN", "cap_sys_admin", "CAP_SYS_ADMIN", "sys_admin"])
def test_names_may_be_short_and_in_lower_case(name: str) -> None:
    assert "CAP_SYS_ADMIN" in resolve([name], [], supported=EVERY)
    assert resolve(["ALL"], [name], supported=EVERY) == tuple(n for n in EVERY if n != "CAP_SYS_ADMIN")


def test_nothing_asked_gives_the_default() -> None:
    assert set(resolve([], [], supported=EVERY)) == set(DEFAULT)


def test_dropping_all_leaves_what_is_added() -> None:
    assert resolve(["chown"], ["all"], supported=EVERY) == ("CAP_CHOWN",)
    assert resolve([], ["ALL"], supported=EVERY) == ()


def test_adding_all_wins_over_dropping_all() -> None:
    assert resolve(["ALL"], ["ALL"], supported=EVERY) == EVERY


def test_an_added_capability_that_is_dropped_as_well_stays() -> None:
    assert set(resolve(["CHOWN"], ["CHOWN"], supported=EVERY)) == set(DEFAULT)


def test_privileged_gets_what_can_be_given() -> None:
    supported = tuple(n for n in EVERY if n != "CAP_SYS_RESOURCE")
    assert resolve([], ["CHOWN"], privileged=True, supported=supported) == supported


def test_default_loses_what_the_engine_lacks() -> None:
    assert "CAP_MKNOD" not in resolve([], [], supported=tuple(n for n in EVERY if n != "CAP_MKNOD"))


@pytest.mark.parametrize(
    ("add", "drop", "message"),
    [
        (["FOO"], [], 'invalid CapAdd: unknown capability: "CAP_FOO"'),
        ([], ["foo"], 'invalid CapDrop: unknown capability: "CAP_FOO"'),
        (
            ["SYS_RESOURCE"],
            [],
            "invalid CapAdd: capability not supported by your kernel or not available "
            'in the current environment: "CAP_SYS_RESOURCE"',
        ),
    ],
)
def test_names_that_cannot_be_given_are_refused_in_dockers_words(add: list[str], drop: list[str], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        resolve(add, drop, supported=tuple(n for n in EVERY if n != "CAP_SYS_RESOURCE"))
    assert str(caught.value) == message


def test_available_names_are_known() -> None:
    assert set(capabilities.available()) <= set(NUMBERS)
