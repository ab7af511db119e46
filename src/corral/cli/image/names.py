"""Image names as they are typed: repository, tag, digest."""

from __future__ import annotations


def split(ref: str) -> tuple[str, str]:
    """``(repository, tag or digest)``; the second is empty when there is none."""
    repository, at, digest = ref.partition("@")
    if at:
        return repository, digest
    slash = ref.rfind("/")
    colon = ref.rfind(":")
    return (ref[:colon], ref[colon + 1 :]) if colon > slash else (ref, "")


def familiar(ref: str) -> str:
    """The short form with a tag: ``docker.io/library/busybox`` -> ``busybox:latest``."""
    repository, tag = split(ref)
    for prefix in ("docker.io/library/", "index.docker.io/library/", "library/", "docker.io/", "index.docker.io/"):
        if repository.startswith(prefix):
            repository = repository.removeprefix(prefix)
            break
    separator = "@" if tag.startswith("sha256:") else ":"
    return f"{repository}{separator}{tag or 'latest'}"
