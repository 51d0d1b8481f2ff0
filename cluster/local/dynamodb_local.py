"""DynamoDB: Amazon's own DynamoDB Local, bound to loopback.

Its main class binds every address and has no option for it. Jetty, which carries it, can be configured by a file
instead: `maven/dynamodb/server.xml` builds the same server on 127.0.0.1.
"""

import http.client
import os
import platform
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cluster.local.errors import ServerUnavailable
from cluster.local.jars import POMS, class_path
from cluster.local.java import find_java
from cluster.local.server_kind import Launch, Say, ServerKind

_JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]
_MAIN = "org.eclipse.jetty.xml.XmlConfiguration"
_MACHINES = {"x86_64", "amd64", "AMD64"}
_NATIVE = "sqlite4java"
_DATABASE = "shared-local-instance.db"
"""Its one file, as it names it where keys and regions share one."""


def _launch(ports: Sequence[int], data: Path, say: Say) -> Launch:
    if platform.machine() not in _MACHINES:
        raise ServerUnavailable(f"its SQLite library exists for x86-64 only, not for {platform.machine()}")
    java, files = find_java(), class_path("dynamodb", say)
    database, native = data / "db", data / "native"
    database.mkdir(parents=True, exist_ok=True)
    native.mkdir(exist_ok=True)
    write_ahead(database / _DATABASE)
    for file in files:  # The library is searched by folder, and Maven keeps each file in one of its own.
        if _NATIVE in file.name and file.suffix in {".so", ".dylib"} and not (native / file.name).exists():
            shutil.copy(file, native)
    jars = [file for file in files if file.suffix == ".jar"]
    program = [str(java), *_JVM]
    folder = POMS / "dynamodb"
    system = [f"-Djava.library.path={native}", f"-Dlog4j2.configurationFile={folder / 'log4j2.xml'}"]
    properties = [f"rayce.port={ports[0]}", f"rayce.data={database}"]
    return Launch(
        [*program, *system, "-cp", os.pathsep.join(map(str, jars)), _MAIN, *properties, str(folder / "server.xml")]
    )


def write_ahead(database: Path) -> None:
    """Have SQLite log ahead in this file, which remembers it: a put then waits once for the disk, and otherwise four times.

    Each item is a transaction of its own there, so a catalogue takes as long as the disk needs for them. As durable as before.
    """
    with closing(sqlite3.connect(database)) as link:
        link.execute("PRAGMA journal_mode=WAL")


def answers_http(port: int, path: str) -> bool:
    """Whether the server at this port gives an HTTP answer that is not its own failure. Knows no proxies."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        link.request("GET", path)
        return link.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


def answers(port: int) -> bool:
    """Whether it answers at all; it refuses the unsigned question, which is answer enough."""
    return answers_http(port, "/")


DYNAMODB_LOCAL = ServerKind("dynamodb", "dynamodb-local", real=True, embedded=False, launch=_launch, ready=answers)
