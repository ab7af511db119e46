"""One row per name of an image, as the table of images shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from corral.cli.text import short_id
from corral.cli.units import ago, decimal_size, local_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import ImageSummary

NONE = "<none>"


class Item:
    """An image under one of its names."""

    __slots__ = ("digest", "image", "repository", "tag", "truncate")

    def __init__(self, image: ImageSummary, repository: str, tag: str, digest: str, *, truncate: bool) -> None:
        self.image = image
        self.repository = repository
        self.tag = tag or NONE
        self.digest = digest or NONE
        self.truncate = truncate

    def id(self) -> str:
        full = self.image.get("Id", "")
        return short_id(full) if self.truncate else full

    def created_since(self) -> str:
        created = self.image.get("Created", 0)
        return "N/A" if created <= 0 else ago(created)

    def created_at(self) -> str:
        return local_time(self.image.get("Created", 0))

    def size(self) -> str:
        return decimal_size(self.image.get("Size", 0), 3)

    def virtual_size(self) -> str:
        return decimal_size(self.image.get("Size", 0))

    def containers(self) -> str:
        count = self.image.get("Containers", -1)
        return "N/A" if count == -1 else str(count)

    def shared_size(self) -> str:
        shared = self.image.get("SharedSize", -1)
        return "N/A" if shared == -1 else decimal_size(shared)

    def unique_size(self) -> str:
        shared, size = self.image.get("SharedSize", -1), self.image.get("Size", -1)
        return "N/A" if -1 in (shared, size) else decimal_size(size - shared)


def items(images: Iterable[ImageSummary], *, truncate: bool, digests: bool) -> list[Item]:
    """``digests``: a name with several digests has a row for each of them."""
    return [
        Item(image, *name, truncate=truncate)
        for image in images
        for name in (_names(image, digests) or [(NONE, "", "")])
    ]


def _names(image: ImageSummary, digests: bool) -> list[tuple[str, str, str]]:
    """``(repository, tag, digest)`` of every row."""
    tags = [tag for tag in image.get("RepoTags") or [] if tag != "<none>:<none>"]
    by_repository: dict[str, list[str]] = {}
    for name in image.get("RepoDigests") or []:
        repository, _, digest = name.partition("@")
        if repository != NONE:
            by_repository.setdefault(repository, []).append(digest)
    return list(_rows(tags, by_repository, digests))


def _rows(tags: list[str], by_repository: dict[str, list[str]], digests: bool) -> Iterator[tuple[str, str, str]]:
    tagged = set()
    for name in tags:
        repository, _, tag = name.rpartition(":")
        tagged.add(repository)
        known = by_repository.get(repository, []) if digests else []
        for digest in known or [""]:
            yield repository, tag, digest
    for repository, known in by_repository.items():
        if repository not in tagged:
            for digest in known if digests else [""]:
                yield repository, "", digest
