"""Image names as they are typed: repository, tag, digest."""

from __future__ import annotations

from corral.cli.errors import CliError

_HUB_PREFIXES = ("docker.io/library/", "index.docker.io/library/", "library/", "docker.io/", "index.docker.io/")


def split(ref: str) -> tuple[str, str]:
    """``(repository, tag or digest)``; the second is empty when there is none. A digest outdoes a tag."""
    name, _, digest = ref.partition("@")
    slash = name.rfind("/")
    colon = name.rfind(":")
    repository, tag = (name[:colon], name[colon + 1 :]) if colon > slash else (name, "")
    return repository, digest or tag


def familiar(ref: str) -> str:
    """The short form with a tag: ``docker.io/library/busybox`` -> ``busybox:latest``."""
    repository, tag = split(ref)
    for prefix in _HUB_PREFIXES:
        if repository.startswith(prefix):
            repository = repository.removeprefix(prefix)
            break
    separator = "@" if tag.startswith("sha256:") else ":"
    return f"{repository}{separator}{tag or 'latest'}"


def canonical(ref: str, *, tagged: bool = True) -> str:
    """The long form, with its registry; ``tagged``: with the default tag where there is neither tag nor digest."""
    repository, tag = split(ref)
    first, slash, rest = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        domain, path = first, rest
    else:
        domain, path = "docker.io", repository
    if domain in ("docker.io", "index.docker.io"):
        domain, path = "docker.io", path if "/" in path else f"library/{path}"
    suffix = ref[len(repository) :] or (":latest" if tagged and not tag else "")
    return f"{domain}/{path}{suffix}"


def check(ref: str) -> None:
    """Raises CliError in docker's words for what can be no name."""
    from corral.cli.image.tag import problem

    repository, tag = split(ref)
    wrong = problem(repository, "" if "@" in ref else tag)
    if wrong:
        raise CliError(wrong)
