"""``--change``: instructions become configuration, and their mistakes Docker's messages."""

from __future__ import annotations

import pytest

from corral.errors import Invalid
from corral.image import changes, words
from corral.oci.image import ContainerConfig, Healthcheck


def apply(*lines: str, config: ContainerConfig | None = None) -> ContainerConfig:
    return changes.apply(config or ContainerConfig(), lines)


def test_commands_in_both_forms() -> None:
    assert apply("CMD echo hi").cmd == ["/bin/sh", "-c", "echo hi"]
    assert apply('CMD ["echo", "hi"]').cmd == ["echo", "hi"]
    assert apply("CMD []").cmd == []
    assert apply("cmd ['not', json]").cmd == ["/bin/sh", "-c", "['not', json]"]
    assert apply("ENTRYPOINT /start").entrypoint == ["/bin/sh", "-c", "/start"]
    assert apply("CMD x", config=ContainerConfig(shell=["/bin/bash", "-ec"])).cmd == ["/bin/bash", "-ec", "x"]


def test_entrypoint_drops_a_command_that_it_was_not_made_for() -> None:
    assert apply('ENTRYPOINT ["/e"]', config=ContainerConfig(cmd=["inherited"])).cmd is None
    assert apply("CMD given", 'ENTRYPOINT ["/e"]').cmd == ["/bin/sh", "-c", "given"]


def test_environment() -> None:
    assert apply("ENV A=1 B='two words' C=a\\ b").env == ["A=1", "B=two words", "C=a b"]
    assert apply("ENV A one two").env == ["A=one two"]
    assert apply("ENV A=1", "ENV A=2 B=$A-${A}").env == ["A=2", "B=1-1"]
    assert apply("ENV B=${X:-default}${A:+set}${A:-unset}", config=ContainerConfig(env=["A=1"])).env == [
        "A=1",
        "B=defaultset1",
    ]


def test_labels_ports_volumes() -> None:
    config = apply('LABEL a=b "c d"="e f"', "EXPOSE 80 8000-8002/udp 53/TCP", "VOLUME /a /b", 'VOLUME ["/c d"]')
    assert config.labels == {"a": "b", "c d": "e f"}
    assert list(config.exposed_ports or ()) == ["53/tcp", "80/tcp", "8000/udp", "8001/udp", "8002/udp"]
    assert list(config.volumes or ()) == ["/a", "/b", "/c d"]


def test_working_directory_is_joined_and_cleaned() -> None:
    assert apply("WORKDIR foo").working_dir == "/foo"
    assert apply("WORKDIR /a/b/", "WORKDIR ../c").working_dir == "/a/c"
    assert apply("WORKDIR //a").working_dir == "/a"


def test_health_checks() -> None:
    config = apply("HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD curl -f x")
    assert config.healthcheck == Healthcheck(
        test=["CMD-SHELL", "curl -f x"], interval=90_000_000_000, timeout=500_000_000, retries=3
    )
    assert apply('HEALTHCHECK CMD ["a"]').healthcheck == Healthcheck(test=["CMD", "a"])
    assert apply("HEALTHCHECK NONE").healthcheck == Healthcheck(test=["NONE"])


def test_the_rest() -> None:
    config = apply("USER joe:staff", "STOPSIGNAL SIGUSR1", "ONBUILD RUN make", "ONBUILD COPY . .")
    assert (config.user, config.stop_signal, config.on_build) == ("joe:staff", "SIGUSR1", ["RUN make", "COPY . ."])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("RUN x", "RUN is not a valid change command"),
        ("FROM x", "FROM is not a valid change command"),
        ("", "file with no instructions"),
        ("ENV", "ENV requires at least one argument"),
        ("ENV A", "ENV must have two arguments"),
        ("ENV =x", "ENV names can not be blank"),
        ("ENV A=1 B", 'Syntax error - can\'t find = in "B". Must be of the form: name=value'),
        ("EXPOSE abc", "Invalid containerPort: abc"),
        ("EXPOSE 70000", "Invalid containerPort: 70000"),
        ("EXPOSE 90-80", "Invalid containerPort: 90-80"),
        ("USER", "USER requires exactly one argument"),
        ("STOPSIGNAL NOPE", "invalid signal: NOPE"),
        ("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
        ("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
        ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
        ("HEALTHCHECK FOO x", 'Unknown type "FOO" in HEALTHCHECK (try CMD)'),
        ("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"),
        ("HEALTHCHECK --interval=5 CMD x", 'time: missing unit in duration "5"'),
        ("HEALTHCHECK --interval=x CMD x", 'time: invalid duration "x"'),
        ("HEALTHCHECK --foo=1 CMD x", "unknown flag: --foo"),
        ("ENV A=${B", "failed to process '${B': missing }"),
    ],
)
def test_mistakes(line: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        apply(line)
    assert str(caught.value) == message


def test_words_keep_their_quotes_until_they_are_expanded() -> None:
    parts = words.split("""a "b c"  'd "e' f\\ g""")
    assert parts == ["a", '"b c"', "'d \"e'", "f\\ g"]
    assert [words.expand(part, {}) for part in parts] == ["a", "b c", 'd "e', "f g"]
    assert words.expand("'$A' \"$A\" \\$A $1", {"A": "x"}) == "$A x $A "
