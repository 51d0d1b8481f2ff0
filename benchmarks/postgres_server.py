"""A PostgreSQL of our own in a temporary folder, where the system's package has installed one; gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.libpq import Connection, PostgresError

SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "2GB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "16GB",
    "synchronous_commit": "off",
    "autovacuum": "off",
}
"""Generous with memory; commits wait for no disk, as in SQLite's WAL mode with `synchronous=NORMAL`."""
START_WITHIN_S = 30.0


def postgres_folder() -> Path | None:
    """Where the server's programs are; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return Path(there).parent if there else None


@contextmanager
def postgres() -> Iterator[str]:
    """What to hand to libpq to reach it: a socket in its folder."""
    programs = postgres_folder()
    if programs is None:
        raise PostgresError("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="rayce-pg-") as root:
        who = _somebody_else(root)
        data = Path(root) / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "bench", "--auth=trust", "--no-sync", "--locale=C", "-E", "UTF8"],
            check=True,
            stdout=subprocess.DEVNULL,
            **who,
        )
        knobs = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (Path(root) / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", root, *knobs], stdout=log, stderr=log, **who
            )
        target = f"host={root} user=bench dbname=postgres"
        try:
            _wait(target, server)
            yield target
        finally:
            server.terminate()
            server.wait(60)


def _somebody_else(root: str) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as `nobody`."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(root, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": root}


def _wait(target: str, server: "subprocess.Popen[bytes]") -> None:
    until_s = time.monotonic() + START_WITHIN_S
    while True:
        try:
            Connection(target).close()
        except PostgresError:
            if server.poll() is not None or time.monotonic() > until_s:
                raise
            time.sleep(0.1)
        else:
            return
