"""Immutable blobs in a directory, named by their digest: what the image store and the registry server both keep.

Lifecycle: `Blobs.ingest` opens a file in the ingest directory; what is written to it is digested on the way; `commit`
checks digest and length, makes the file durable and gives it its name in one rename. A blob that has its name is whole;
what a crash leaves among the ingests is removed by `Blobs.clean`, except what can be continued.

An ingest that has a name of its own can be continued: `Blobs.resume` names it after the digest that is expected, and
`Blobs.session` as the caller likes. What was written stays when its context ends without a commit, or the process dies;
opening it again digests what is there and goes on behind it. A named ingest has one writer at a time (flock).

`Blobs.lease` protects: what is committed, or found to exist, while a lease is open is not removed by `Blobs.collect`
before that lease has ended. So content is written first, and what refers to it recorded afterwards, in one lease.

Ingests may be written to from any thread, one at a time each; digesting and writing release the interpreter lock.

Example::

    with blobs.lease():
        with blobs.resume(digest, size) as ingest:
            async for piece in body_from(ingest.written):
                ingest.write(piece)
            ingest.commit()
        record(digest)
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from corral.errors import Conflict, Invalid, NotFound
from corral.oci.digest import Digest, algorithm_of, digest_of, encoded_of

__all__ = ["Blobs", "Ingest", "Progress"]

_NAMED: Final = "partial-"
_PIECE: Final = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far a named ingest has come, for whoever continues it: what is known need not be digested again."""

    written: int
    hash: hashlib._Hash


class Ingest:
    """One blob that is being written. Leaving the context without `commit` discards it, unless it has a name."""

    def __init__(
        self,
        blobs: Blobs,
        path: Path,
        file: IO[bytes],
        expected: Digest | None,
        size: int | None,
        *,
        keep: bool,
        algorithm: str = "sha256",
        known: Progress | None = None,
    ) -> None:
        self._blobs = blobs
        self._path = path
        self._file = file
        self._expected = expected
        self._size = size
        self._keep = keep
        self._hash = hashlib.new(algorithm_of(expected) if expected else algorithm)
        self._committed = False
        self._told: Digest | None = None
        self.written = 0
        if keep:
            self._take_up(known)

    def _take_up(self, known: Progress | None) -> None:
        """Digests what an earlier writer left; what cannot be the beginning of the blob is dropped."""
        if known and known.hash.name == self._hash.name and known.written == os.fstat(self._file.fileno()).st_size:
            self._file.seek(known.written)
            self._hash = known.hash.copy()
            self.written = known.written
            return
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            self._hash.update(piece)
            self.written += len(piece)
        if self._size is not None and self.written > self._size:
            self.restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """It can be written to: neither committed nor discarded nor closed."""
        return not self._file.closed and not self._committed

    def close(self) -> None:
        """Idempotent."""
        if self._file.closed:
            return
        if not self._keep and not self._committed:
            self._unlink()
        self._file.close()

    def _unlink(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)

    def write(self, piece: bytes | memoryview) -> None:
        self._hash.update(piece)
        self._file.write(piece)
        self.written += len(piece)

    def restart(self) -> None:
        """Drops all that was written."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.new(self._hash.name)
        self.written = 0

    def flush(self) -> None:
        """What was written is in the file: whoever continues a named ingest sees it."""
        self._file.flush()

    def reading(self) -> int:
        """A descriptor that reads what has been flushed so far, and the rest once it is; the caller closes it."""
        return os.open(f"/proc/self/fd/{self._file.fileno()}", os.O_RDONLY | os.O_CLOEXEC)

    def reader(self) -> IO[bytes]:
        """Reads what was written and flushed, also after the ingest has ended."""
        return open(f"/proc/self/fd/{self._file.fileno()}", "rb", buffering=0)

    def fileno(self) -> int:
        """For another process, which writes the whole blob to it; then `told`."""
        return self._file.fileno()

    def told(self, digest: Digest, size: int) -> None:
        """By whoever wrote the whole blob to `fileno`, and digested it on the way."""
        self._told = digest
        self.written = size

    def progress(self) -> Progress:
        """What `Blobs.session` may be told when it continues this ingest."""
        return Progress(self.written, self._hash.copy())

    def discard(self) -> None:
        """Ends the ingest, also one that has a name."""
        self._keep = False
        self.close()

    def commit(self, expected: Digest | None = None, *, durable: bool = True) -> Digest:
        """The blob has its name on return, and is on disk if ``durable``.

        ``expected`` for those who learn of the digest last. Raises Invalid when the content is not what was expected;
        it is then discarded, whatever its name.
        """
        expected = expected or self._expected
        if expected is not None and algorithm_of(expected) != self._hash.name:
            self._hash = _digested(self._file, algorithm_of(expected))
        digest = self._told or Digest(f"{self._hash.name}:{self._hash.hexdigest()}")
        try:
            if self._size is not None and self.written != self._size:
                raise Invalid(f"content has {self.written} bytes, expected {self._size}")
            if expected is not None and digest != expected:
                raise Invalid(f"content has digest {digest}, expected {expected}")
        except Invalid:
            self.discard()
            raise
        self._file.flush()
        if durable:
            os.fsync(self._file.fileno())
        self._blobs._settle(self._path, digest, durable=durable)
        self._committed = True
        return digest


class Blobs:
    """``directory`` holds committed blobs as ALGORITHM/HEX, ``ingests`` what is being written; both are made."""

    def __init__(self, directory: Path, ingests: Path) -> None:
        self.directory = directory
        self.ingests = ingests
        self._lock = threading.Lock()
        self._leases: tuple[set[str], ...] = ()
        ingests.mkdir(parents=True, exist_ok=True)
        directory.mkdir(parents=True, exist_ok=True)

    # -- reading

    def path(self, digest: str) -> Path:
        return self.directory / algorithm_of(digest) / encoded_of(digest)

    def exists(self, digest: str) -> bool:
        """Also protects the blob while a lease is open."""
        self._protect(digest)
        return self.path(digest).exists()

    def size(self, digest: str) -> int | None:
        """Bytes of a blob; None when it is not stored."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def open(self, digest: str) -> IO[bytes]:
        """For reading. Raises NotFound."""
        try:
            return open(self.path(digest), "rb", buffering=0)
        except FileNotFoundError:
            raise _missing(digest) from None

    def read(self, digest: str) -> bytes:
        """Raises NotFound."""
        try:
            return self.path(digest).read_bytes()
        except FileNotFoundError:
            raise _missing(digest) from None

    def total_size(self) -> int:
        """Bytes of all blobs."""
        return sum(self.size(digest) or 0 for digest in self.digests())

    def digests(self) -> Iterator[Digest]:
        for directory in sorted(self.directory.iterdir()):
            for name in sorted(os.listdir(directory)):
                yield Digest(f"{directory.name}:{name}")

    # -- writing

    def ingest(self, expected: Digest | None = None, size: int | None = None) -> Ingest:
        """A new blob. Discarded unless it is committed."""
        path = self.ingests / secrets.token_hex(16)
        return Ingest(self, path, open(path, "xb"), expected, size, keep=False)

    def resume(self, expected: Digest, size: int | None = None) -> Ingest:
        """The blob of this digest, behind what an earlier attempt has left of it (``Ingest.written``).

        When another writer has it at the moment, a new one that nobody can continue.
        """
        try:
            return self.session(f"{algorithm_of(expected)}-{encoded_of(expected)}", expected, size)
        except Conflict:
            return self.ingest(expected, size)

    def session(
        self,
        name: str,
        expected: Digest | None = None,
        size: int | None = None,
        *,
        algorithm: str = "sha256",
        known: Progress | None = None,
    ) -> Ingest:
        """The ingest called ``name`` (no slash in it), new or continued. Raises Conflict while it has a writer.

        ``algorithm``: what a digest that is learnt last will most likely be made with.
        """
        path = self.ingests / f"{_NAMED}{name}"
        while True:
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                raise Conflict(f"{name} is being written to") from None
            if _is_at(file, path):
                return Ingest(self, path, file, expected, size, keep=True, algorithm=algorithm, known=known)
            file.close()  # it was committed or discarded in between

    def session_size(self, name: str) -> int | None:
        """Bytes that the ingest called ``name`` has in its file; None when there is none."""
        try:
            return (self.ingests / f"{_NAMED}{name}").stat().st_size
        except FileNotFoundError:
            return None

    def write(self, content: bytes) -> Digest:
        """Stores a small blob; free when it is there already."""
        digest = digest_of(content)
        if not self.exists(digest):
            with self.ingest(digest, len(content)) as ingest:
                ingest.write(content)
                ingest.commit()
        return digest

    def adopt(self, fd: int, digest: Digest, *, verify: bool = True) -> None:
        """Stores a file on the same file system without copying it: the blob is another link to it, or a copy where
        there can be none. Nobody may write to it any more. Raises Invalid when it is not what ``digest`` says.
        """
        if verify:
            with open(os.dup(fd), "rb") as source:
                source.seek(0)
                found = hashlib.file_digest(source, algorithm_of(digest)).hexdigest()
            if found != encoded_of(digest):
                raise Invalid(f"content has digest {algorithm_of(digest)}:{found}, expected {digest}")
        path = self.ingests / secrets.token_hex(16)
        try:
            os.link(f"/proc/self/fd/{fd}", path, follow_symlinks=True)
            os.chown(path, 0, 0) if os.geteuid() == 0 else None
            os.chmod(path, 0o644)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            with open(path, "xb") as target, open(os.dup(fd), "rb") as source:
                source.seek(0)
                shutil.copyfileobj(source, target, _PIECE)
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        self._settle(path, digest, durable=True)

    def delete(self, digest: str) -> None:
        """Idempotent. For whoever knows that nothing refers to it; `collect` asks first."""
        self.path(digest).unlink(missing_ok=True)

    def _settle(self, path: Path, digest: Digest, *, durable: bool) -> None:
        target = self.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            self._protect(digest)
            os.rename(path, target)
        if durable:
            _sync_directory(target.parent)

    # -- what stays and what goes

    @contextlib.contextmanager
    def lease(self) -> Iterator[set[str]]:
        """Protects, until the context ends, all that is committed or asked for (`exists`) meanwhile by anybody.

        The set may be added to.
        """
        mine: set[str] = set()
        with self._lock:
            self._leases = (*self._leases, mine)
        try:
            yield mine
        finally:
            with self._lock:
                self._leases = tuple(lease for lease in self._leases if lease is not mine)

    def _protect(self, digest: str) -> None:
        for lease in self._leases:
            lease.add(str(digest))

    def collect(self, live: Callable[[], Collection[str]]) -> list[tuple[Digest, int]]:
        """Removes the blobs that are neither in what ``live`` returns nor leased; what went, and its bytes.

        ``live`` is called after the blobs were listed: what is committed later is not looked at.
        """
        with self.lease() as meanwhile:
            candidates = list(self.digests())
            protected = set[str]().union(*self._leases)
            protected.update(live())
            gone = []
            for digest in candidates:
                with self._lock:
                    if digest in protected or digest in meanwhile:
                        continue
                    size = self.size(digest)
                    self.delete(digest)
                if size is not None:
                    gone.append((digest, size))
        return gone

    def clean(self, keep_seconds: float = 0) -> int:
        """At start, before anything is ingested: removes what was not committed. Returns its bytes.

        Named ingests stay while they are younger than ``keep_seconds``, and while another process writes to them.
        """
        freed = self.expire(keep_seconds)
        for path in self.ingests.iterdir():
            if not path.name.startswith(_NAMED):
                freed += path.stat().st_size
                path.unlink()
        return freed

    def expire(self, keep_seconds: float) -> int:
        """Removes named ingests that nobody has written to for so long. Returns their bytes."""
        freed = 0
        for path in self.ingests.glob(f"{_NAMED}*"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                if time.time() - status.st_mtime >= keep_seconds and not _is_locked(path):
                    path.unlink()
                    freed += status.st_size
        return freed


def _missing(digest: str) -> NotFound:
    return NotFound(f"content {digest} is not stored")


def _digested(file: IO[bytes], algorithm: str) -> hashlib._Hash:
    """Another digest of all that was written."""
    file.flush()
    with open(f"/proc/self/fd/{file.fileno()}", "rb") as source:
        return hashlib.file_digest(source, algorithm)


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _is_locked(path: Path) -> bool:
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
