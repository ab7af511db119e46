"""The façade of transfers: what the routers call, and the engine when an image is missing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Final

from corral.api.types.progress import Progress
from corral.api.types.registry import AuthConfig, AuthResponse, DistributionInspect, SearchResult
from corral.errors import Exhausted, Forbidden, Invalid, NotFound
from corral.image import progress
from corral.image.distribution import looking, searching
from corral.image.distribution.board import Board
from corral.image.distribution.downloads import Downloads
from corral.image.distribution.forms import Forms
from corral.image.distribution.messages import plain
from corral.image.distribution.pull import Pull, Pulled
from corral.image.distribution.push import Push
from corral.image.distribution.registry import Credentials, Registries, Repository
from corral.image.distribution.settings import TransferSettings
from corral.image.distribution.slots import Slots
from corral.image.progress import Report
from corral.image.record import Image
from corral.image.store import ImageStore, platform_of
from corral.oci.platform import Platform
from corral.oci.reference import Reference, parse_reference

__all__ = ["DistributionService"]

_DIGEST: Final = re.compile(r"[a-z0-9+._-]+:.+")
_RESERVED: Final = "scratch"

Emit = Callable[[str, str, dict[str, str]], None]


class DistributionService:
    """``close`` ends it; transfers of requests end with them. ``collect`` removes content that nothing needs."""

    def __init__(
        self, images: ImageStore, settings: TransferSettings, emit: Emit, collect: Callable[[], Awaitable[object]]
    ) -> None:
        self._images = images
        self._emit = emit
        self._collect = collect
        self._registries = Registries(settings.registries)
        self._downloads = Downloads(images.content, settings.downloads)
        self._uploads = Slots(settings.uploads)
        self._forms = Forms(images.content, images.layers)
        self._board = Board()

    async def close(self) -> None:
        await self._registries.close()

    def reconfigure(self, settings: TransferSettings) -> None:
        """For transfers that begin from now on; limits count at once."""
        self._downloads.slots.limit = settings.downloads
        self._uploads.limit = settings.uploads
        self._registries.reconfigure(settings.registries)

    # -- pull

    def pull(self, name: str, tag: str, platform: Platform | None, auth: AuthConfig | None) -> AsyncIterator[Progress]:
        """``tag`` is a tag or a digest; without it, and where ``name`` has none, all tags.

        Raises Invalid, and while it runs what `Pull.run` raises.
        """
        reference = _named(name, tag)
        return progress.stream(lambda report: self._pull(reference, platform, auth, report))

    async def _pull(
        self, reference: Reference, platform: Platform | None, auth: AuthConfig | None, report: Report
    ) -> None:
        newer = False
        try:
            async with self._registries.repository(reference, _credentials(auth)) as repository:
                async for one in _wanted(repository, reference):
                    pull = Pull(self._images, self._downloads, self._board, repository, platform, report)
                    pulled = await pull.run(one)
                    newer |= pulled.newer
                    self._log("pull", one, pulled.image)
        except Exhausted:
            await self._collect()  # what was to be the beginning of another attempt: the space is needed now
            raise
        report(plain(f"Status: {_verdict(newer)} for {reference.familiar}"))
        if not reference.is_name_only and not pulled.fits:
            report(plain(_mismatch(reference, pulled, platform)))

    def _log(self, action: str, reference: Reference, image: Image) -> None:
        labels = image.config.runtime.labels or {}
        self._emit(action, reference.familiar, {**labels, "name": reference.familiar_name})

    # -- push

    def push(self, name: str, tag: str, platform: Platform | None, auth: AuthConfig | None) -> AsyncIterator[Progress]:
        """Without ``tag``, and where ``name`` has none, all tags that the repository has here.

        Raises Invalid, and while it runs what `Push.run` raises.
        """
        reference = _named(name, tag)
        if reference.digest:
            raise Invalid("cannot push a digest reference")
        return progress.stream(lambda report: self._push(reference, platform, auth, report))

    async def _push(
        self, reference: Reference, platform: Platform | None, auth: AuthConfig | None, report: Report
    ) -> None:
        report(plain(f"The push refers to repository [{reference.name}]"))
        tags = self._tags(reference)
        if not tags:
            raise NotFound(f"An image does not exist locally with the tag: {reference.familiar_name}")
        async with self._registries.repository(reference, _credentials(auth), push=True) as repository:
            for one in [reference] if reference.tag else tags:
                image = await Push(self._images, self._forms, self._uploads, repository, platform, report).run(one)
                self._log("push", one, image)

    def _tags(self, reference: Reference) -> list[Reference]:
        """All that the repository has here."""
        names = {name for image in self._images for name in self._images.references.of(image.id)}
        return sorted((name for name in names if name.name == reference.name and name.tag), key=str)

    # -- what needs no image

    async def login(self, auth: AuthConfig) -> AuthResponse:
        """Raises Unauthorized, Unavailable."""
        answer = await self._registries.login(auth.server_address, _credentials(auth) or Credentials())
        return AuthResponse(identity_token=answer.identity_token, status=answer.status)

    async def search(
        self, term: str, limit: int | None, filters: Mapping[str, Iterable[str]], auth: AuthConfig | None
    ) -> list[SearchResult]:
        """Raises Invalid, Unavailable."""
        wanted = searching.parse(limit, filters)
        return searching.narrowed(await self._registries.search(term, wanted.limit, _credentials(auth)), wanted)

    async def look(self, name: str, auth: AuthConfig | None) -> DistributionInspect:
        """What the registry has under a name. Raises as `pull`."""
        reference = parse_reference(name).tagged()
        async with self._registries.repository(reference, _credentials(auth), explained=False) as repository:
            return await looking.look(repository, reference)


def _named(name: str, tag: str) -> Reference:
    """Raises Invalid, Forbidden."""
    reference = parse_reference(name)
    if tag:
        bare = Reference(reference.domain, reference.path)
        reference = parse_reference(f"{bare}@{tag}") if _DIGEST.fullmatch(tag) else bare.with_tag(tag)
    if reference.familiar_name == _RESERVED:
        raise Forbidden(f"'{_RESERVED}' is a reserved name")
    return reference


async def _wanted(repository: Repository, reference: Reference) -> AsyncIterator[Reference]:
    if not reference.is_name_only:
        yield reference
        return
    async for tag in repository.tags():
        yield reference.with_tag(tag)


def _verdict(newer: bool) -> str:
    return "Downloaded newer image" if newer else "Image is up to date"


def _mismatch(reference: Reference, pulled: Pulled, platform: Platform | None) -> str:
    return (
        f"WARNING: image with reference {reference.familiar} was found but its platform ({platform_of(pulled.image)}) "
        f"does not match the specified platform ({platform})"
    )


def _credentials(auth: AuthConfig | None) -> Credentials | None:
    if auth is None:
        return None
    return Credentials(auth.username, auth.password, auth.identity_token, auth.registry_token)
