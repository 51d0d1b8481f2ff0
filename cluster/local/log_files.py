"""Read the servers' logs: the last lines, and what is added from now on."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_EVERY_S = 0.2


def tail(log: Path, count: int) -> list[str]:
    """The last lines; none when there is no log yet."""
    return log.read_text(errors="replace").splitlines()[-count:] if count and log.exists() else []


def follow(logs: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Every line added to any of the logs from now on, for ever. A log that does not exist yet may appear later."""
    seen = {log: log.stat().st_size if log.exists() else 0 for log in logs}
    rest = dict.fromkeys(logs, "")
    while True:
        for log in logs:
            size = log.stat().st_size if log.exists() else 0
            if size < seen[log]:  # Deleted or begun anew.
                seen[log], rest[log] = 0, ""
            if size == seen[log]:
                continue
            with log.open("rb") as file:
                file.seek(seen[log])
                added = file.read(size - seen[log])
            seen[log] = size
            *lines, rest[log] = (rest[log] + added.decode(errors="replace")).split("\n")
            yield from ((log, line) for line in lines)
        time.sleep(_EVERY_S)
