"""Users and groups as Docker resolves them."""

from __future__ import annotations

import pytest

from corral.runtime.init.failure import SetupError
from corral.runtime.init.user import Identity, resolve

PASSWD = """\
# a comment
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1::/usr/sbin:

bob:x:1000:1001:Bob,,,:/home/bob:/bin/sh
1000:x:7:8::/strange:
short:x:9:9
broken:x:nine:9::/:
homeless:x:12:12:::
"""
GROUP = """\
root:x:0:
daemon:x:1:bob
audio:x:29:bob,root
staff:x:50:bob
0012:x:77:
"""


@pytest.mark.parametrize(
    ("spec", "identity"),
    [
        ("", Identity(0, 0, (0, 29), "/root")),
        ("root", Identity(0, 0, (0, 29), "/root")),
        ("bob", Identity(1000, 1001, (1001, 1, 29, 50), "/home/bob")),
        ("bob:", Identity(1000, 1001, (1001, 1, 29, 50), "/home/bob")),
        ("1", Identity(1, 1, (1,), "/usr/sbin")),
        ("bob:audio", Identity(1000, 29, (29,), "/home/bob")),
        ("bob:29", Identity(1000, 29, (29,), "/home/bob")),
        ("bob:4711", Identity(1000, 4711, (4711,), "/home/bob")),
        ("4711", Identity(4711, 0, (0,), "/")),
        ("4711:4712", Identity(4711, 4712, (4712,), "/")),
        ("short", Identity(9, 9, (9,), "/")),
        ("homeless", Identity(12, 12, (12,), "/")),
        (":audio", Identity(0, 29, (29,), "/root")),
    ],
)
def test_user(spec: str, identity: Identity) -> None:
    assert resolve(spec, (), PASSWD, GROUP) == identity


def test_the_first_entry_that_has_the_name_or_the_number_wins() -> None:
    assert resolve("1000", (), PASSWD, GROUP).uid == 1000
    assert resolve("1000", (), "1000:x:7:8::/strange:\n", GROUP).uid == 7


def test_additional_groups_follow_the_users_own() -> None:
    assert resolve("bob", ("root", "4711", "29"), PASSWD, GROUP).groups == (1001, 1, 29, 50, 0, 4711)


def test_without_files_numbers_are_taken_as_they_are() -> None:
    assert resolve("", (), "", "") == Identity(0, 0, (0,), "/")
    assert resolve("5:6", ("7",), "", "") == Identity(5, 6, (6, 7), "/")


@pytest.mark.parametrize(
    ("spec", "additional", "message"),
    [
        ("ghost", (), "unable to find user ghost: no matching entries in passwd file"),
        ("broken", (), "unable to find user broken: no matching entries in passwd file"),
        ("bob:ghosts", (), "unable to find group ghosts: no matching entries in group file"),
        ("bob", ("ghosts",), "unable to find group ghosts: no matching entries in group file"),
        ("2147483648", (), "uids and gids must be in range 0-2147483647"),
        ("1:2147483648", (), "uids and gids must be in range 0-2147483647"),
        ("-1", (), "uids and gids must be in range 0-2147483647"),
    ],
)
def test_what_cannot_be_found(spec: str, additional: tuple[str, ...], message: str) -> None:
    with pytest.raises(SetupError) as caught:
        resolve(spec, additional, PASSWD, GROUP)
    assert (caught.value.message, caught.value.exit_code) == (message, 125)
