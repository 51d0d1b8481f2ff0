"""One import of a tenant at a time: two at once would not see what the other writes, and count the same rows twice.

A lock on a file of this machine, which the kernel frees when the process ends, however it ends. Nothing is known here of an
import on another machine.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from rayce.errors import InvalidInput

_NAME_BYTES = 12
_PID_BYTES = 20


@contextmanager
def one_at_a_time(folder: Path, tenant: str, stores: str) -> Iterator[None]:
    """Holds the tenant's lock; `stores` says in which world, as there may be several.

    `InvalidInput` names the process that has it, or says why the folder cannot be written.
    """
    name = blake2b(f"{stores}\0{tenant}".encode(), digest_size=_NAME_BYTES).hexdigest()
    path = folder / f"import.{name}.lock"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidInput(f"the lock {path} cannot be written: {reason}", "batch.work_path", str(folder)) from None
    try:
        _take(lock, tenant)
        yield
    finally:
        os.close(lock)  # the file stays: who removed it would let two in


def _take(lock: int, tenant: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, _PID_BYTES, 0).decode("ascii", "replace").strip() or "not yet told"
        raise InvalidInput(f"another import of tenant {tenant} is at work (pid {holder})", "--tenant", tenant) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
