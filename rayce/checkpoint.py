"""What a job has done so far, block by block, in a folder: killed and started again it goes on, and ends with the same bytes.

A block is written beside its place, flushed to the disk, and moved there; it carries a digest over the job's inputs, its own
name and its bytes. So whatever a kill, a full disk or a bad one leaves behind, a block is either as it was made, or made again.
"""

import fcntl
import os
import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote

import msgspec

from rayce.errors import Unavailable

JSON = Any
"""What JSON can say: texts, numbers, booleans, None, and lists and maps of these."""

_BEGUN, _LOCK, _REFUSED, _BEING_WRITTEN = "begun.json", "lock", ".refused", ".being-written"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_DIGEST_BYTES = 16


class Former(NamedTuple):
    """A run that did not end: what it had begun with, and when (seconds since the epoch).

    `refused`: it ended, and what it made was not published; who insists takes its blocks.
    """

    inputs: dict[str, JSON]
    begun_s: float
    refused: bool = False


class Claim(NamedTuple):
    """The place of a job's blocks, which nobody else has while its lock is held. Made by `claim`."""

    place: Path
    lock: BinaryIO


class Checkpoint:
    """The finished blocks of one job of one tenant. One process at a time; made by `begin` or `nowhere`."""

    def __init__(self, place: Path | None, lock: BinaryIO | None, seal: bytes, say: Callable[[str], None]) -> None:
        self._place = place
        self._lock = lock
        self._seal = seal
        self._say = say
        self.reused = 0
        """Blocks that a former run had made."""

    @classmethod
    def begin(
        cls,
        folder: Path,
        job: str,
        tenant: str,
        inputs: Mapping[str, JSON],
        say: Callable[[str], None],
        claimed: Claim | None = None,
    ) -> "Checkpoint":
        """Goes on where the last run of the job did not end and had the same inputs; else clears what it left.

        `inputs` are all that a block's bytes depend on; `claimed` is the place, where it was claimed before. `Unavailable`
        where another run is at work on it, or the folder cannot be written.
        """
        place, lock = claimed or claim(folder, job, tenant)
        written = msgspec.json.encode({"job": job, "tenant": tenant, "inputs": inputs}, order="deterministic")
        try:
            if _read(place / _BEGUN) == written:
                (place / _REFUSED).unlink(missing_ok=True)
                whole = sum(_is_whole(path) for path in _blocks(place))
                say(f"going on with a run that did not end: {whole} blocks are there")
            else:
                _clear(place)
                _write(place / _BEGUN, written)
        except OSError as error:
            lock.close()
            raise _away(place, "to begin", error) from None
        return cls(place, lock, blake2b(written, digest_size=_DIGEST_BYTES).digest(), say)

    @classmethod
    def nowhere(cls) -> "Checkpoint":
        """Keeps nothing: every block is made."""
        return cls(None, None, b"", lambda _: None)

    def depend_on(self, what: bytes) -> None:
        """From here on blocks depend on this too: those that were kept under something else are made again."""
        self._seal = blake2b(self._seal + what, digest_size=_DIGEST_BYTES).digest()

    def block(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The bytes of the block: as a run with the same inputs has kept them, or made and kept now.

        `Unavailable` where they could not be kept (a full disk). `ValueError` for a name that is no file name.
        """
        kept = self.get(name)
        if kept is not None:
            return kept
        made = make()
        self.put(name, made)
        return made

    def get(self, name: str) -> bytes | None:
        """The block as it was kept; None where it was not, or is torn or damaged: then it has to be made again."""
        if self._place is None:
            return None
        try:
            found = _read(self._path(name))
        except OSError as error:
            self._say(f"block {name} cannot be read ({error.strerror}), it is made again")
            return None
        if found is None:
            return None
        kept = _opened(name, found)
        if kept is None:
            self._say(f"block {name} is damaged, it is made again")
            return None
        seal, made = kept
        if seal != self._seal:
            return None
        self.reused += 1
        return made

    def put(self, name: str, made: bytes) -> None:
        """Keep the block. See `block`."""
        if self._place is None:
            return
        path = self._path(name)
        try:
            _write(path, self._seal + _digest(self._seal, name, made) + made)
        except OSError as error:
            raise _away(self._place, f"to keep block {name}", error) from None

    def done(self) -> None:
        """The run has ended: forget the blocks. Harmless when killed in the middle: the next run then begins anew.

        Once closed it is somebody else's, and this does nothing.
        """
        try:
            if self._place is not None and self._lock is not None:
                _clear(self._place)
        except OSError as error:
            self._say(f"the blocks could not be cleared, the next run will ({error})")
        self.close()

    def refused(self) -> None:
        """The run has ended, and somebody may insist on what it made: a `former` run that is `refused`. The blocks stay."""
        try:
            if self._place is not None and self._lock is not None:
                _write(self._place / _REFUSED, b"")
        except OSError as error:
            self._say(f"the blocks are forgotten: that they were refused could not be kept ({error})")
            self.done()
        self.close()

    def close(self) -> None:
        """Let another run have it; the blocks stay."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name) or name in (_BEGUN, _LOCK) or name.endswith(_BEING_WRITTEN):
            raise ValueError(f"{name!r} is no name of a block")
        assert self._place is not None
        return self._place / name


def place_of(folder: Path, job: str, tenant: str) -> Path:
    """Where the blocks of a tenant's job lie."""
    return folder / f"{job}@{quote(tenant, safe='')}"


def claim(folder: Path, job: str, tenant: str) -> Claim:
    """Takes the place, before anything is read. `Unavailable` where another run has it, or the folder cannot be written."""
    place = place_of(folder, job, tenant)
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Claim(place, _locked(place))
    except OSError as error:
        raise _away(place, "to begin", error) from None


def former(folder: Path, job: str, tenant: str) -> Former | None:
    """The last run of the job, where it did not end; None where there is none, or nothing that can be read."""
    path = place_of(folder, job, tenant) / _BEGUN
    try:
        begun = msgspec.json.decode(path.read_bytes(), type=dict[str, JSON])
        return Former(dict(begun["inputs"]), path.stat().st_mtime, (path.parent / _REFUSED).exists())
    except (OSError, msgspec.DecodeError, KeyError, TypeError, ValueError):
        return None


def remove_stale(folder: Path, before_s: float, dry_run: bool = False) -> list[str]:
    """Removes the checkpoints that were last written before this moment and that nobody is at work on; returns their names."""
    removed: list[str] = []
    for place in sorted(folder.iterdir()) if folder.is_dir() else []:
        if "@" not in place.name or not place.is_dir() or not _remains(place) or _touched_s(place) >= before_s:
            continue
        try:
            with _locked(place):
                if not dry_run:
                    _clear(place)
        except Unavailable:  # at work
            continue
        removed.append(place.name)
    return removed


def _remains(place: Path) -> list[Path]:
    return [path for path in place.iterdir() if path.name != _LOCK]


def _touched_s(place: Path) -> float:
    return max(path.stat().st_mtime for path in _remains(place))


def _blocks(place: Path) -> list[Path]:
    ours = (_BEGUN, _REFUSED)
    return [path for path in _remains(place) if path.name not in ours and not path.name.endswith(_BEING_WRITTEN)]


def _is_whole(path: Path) -> bool:
    try:
        found = _read(path)
    except OSError:  # a bad disk: told, and made again, when it is asked for
        return False
    return found is not None and _opened(path.name, found) is not None


def _opened(name: str, found: bytes) -> tuple[bytes, bytes] | None:
    """The seal and the bytes of a block as it lies there; None where it is torn or damaged."""
    seal, digest, made = found[:_DIGEST_BYTES], found[_DIGEST_BYTES : 2 * _DIGEST_BYTES], found[2 * _DIGEST_BYTES :]
    return (seal, made) if digest == _digest(seal, name, made) else None


def _digest(seal: bytes, name: str, made: bytes) -> bytes:
    digest = blake2b(seal + name.encode() + b"\0", digest_size=_DIGEST_BYTES)
    digest.update(made)
    return digest.digest()


def _locked(place: Path) -> BinaryIO:
    """The file whose lock the kernel frees when the process ends, however it ends."""
    lock = open(place / _LOCK, "ab")  # noqa: SIM115 - held for the life of the checkpoint
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise Unavailable(f"the checkpoint {place}", "another run of this job is at work on it") from None
    return lock


def _clear(place: Path) -> None:
    """What says that the run has not ended goes first: a kill in between leaves blocks that nobody goes on with."""
    for path in sorted(_remains(place), key=lambda path: path.name != _BEGUN):
        os.unlink(path)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write(path: Path, body: bytes) -> None:
    """All of it at its place, or nothing."""
    beside = path.with_name(path.name + _BEING_WRITTEN)
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # or the move itself is lost with the power
    finally:
        os.close(folder)


def _away(place: Path, what: str, error: OSError) -> Unavailable:
    return Unavailable(f"the checkpoint {place}", f"{error.strerror or error} ({what})")
