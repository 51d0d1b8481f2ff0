"""What a second start needs to know of the first: one small file under the root, replaced whole or not at all."""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from examples.demo.hits import Sums


class Entry(Struct, frozen=True):
    """How far the demo has come. `now_ms` fixes how far the year was moved; `accepted` goes with `lanes` and `position`."""

    now_ms: int
    weeks: int
    households: int | None
    lanes: list[int]
    position: int
    accepted: dict[str, int]
    changed_consents: dict[str, bool] = {}
    trained: bool = False
    hits: dict[str, Sums] = {}


class Journal:
    """The file `demo/journal.json` under the root."""

    def __init__(self, root: Path) -> None:
        self.path = root / "demo" / "journal.json"

    def read(self) -> Entry | None:
        """The last entry; None where there is none that can be read."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Entry)
        except (OSError, msgspec.MsgspecError):
            return None

    def write(self, entry: Entry) -> None:
        """Replaces the entry."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(entry))
        os.replace(draft, self.path)

    def remove(self) -> None:
        """Forgets everything."""
        self.path.unlink(missing_ok=True)
