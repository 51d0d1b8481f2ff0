"""A generation of lists: its manifest, and what the lists were made from, so that the changed ones can be made anew alone."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from rayce.errors import InvalidArtifact
from rayce.lists.blend import Blend, Origin
from rayce.lists.expected import Known
from rayce.lists.histories import Digests
from rayce.lists.tables import TABLES_FILE, Tables
from rayce.sequence.learnt import Learnt

MANIFEST_FILE, BLEND_FILE, PEOPLE_FILE = "manifest.json", "blend.txt", "people.bin"
SEQUENCE_FILE, SEQUENCE_ITEMS_FILE = "sequence.npz", "sequence_items.json"


class ListsManifest(Struct, frozen=True):
    """What a generation of lists is: how many people at most, from which shelf, as of when (ms).

    `carried` of the lists are those of generation `carried_from` as they were, because nothing new was known of these people.
    `weights` tells where the weights of the parts come from.
    """

    count: int
    shelf: int
    as_of_ms: int
    carried: int = 0
    carried_from: int = 0
    weights: Origin = Origin()


class ListsGeneration(NamedTuple):
    """The manifest, how the parts are weighed, the tables, and a digest of each person's history, ascending.

    `sequence` is what the order of purchases has taught, where lists follow from it.
    """

    manifest: ListsManifest
    blend: Blend
    tables: Tables
    people: Digests
    sequence: Known | None = None

    def to_files(self) -> dict[str, bytes]:
        """The files of the generation; the lists themselves are stored by person."""
        return {
            MANIFEST_FILE: msgspec.json.encode(self.manifest),
            BLEND_FILE: self.blend.text.encode(),
            TABLES_FILE: self.tables.to_bytes(),
            PEOPLE_FILE: np.sort(self.people).astype("<u8").tobytes(),
            **(_sequence_files(self.sequence) if self.sequence is not None else {}),
        }

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "ListsGeneration":
        """Inverse of `to_files`; `InvalidArtifact` says what is missing or damaged."""
        try:
            manifest = msgspec.json.decode(files[MANIFEST_FILE], type=ListsManifest)
            blend = Blend(files[BLEND_FILE].decode(), manifest.weights)
            people = np.frombuffer(files[PEOPLE_FILE], dtype="<u8")
            blend.weights()
            return cls(manifest, blend, Tables.from_bytes(files[TABLES_FILE]), people, _sequence(files))
        except (KeyError, ValueError, msgspec.MsgspecError) as error:
            raise InvalidArtifact(f"the generation of lists cannot be read: {error}", "files", sorted(files)) from None


def _sequence_files(sequence: Known) -> dict[str, bytes]:
    return {SEQUENCE_FILE: sequence.learnt.to_bytes(), SEQUENCE_ITEMS_FILE: msgspec.json.encode(sequence.ids)}


def _sequence(files: Mapping[str, bytes]) -> Known | None:
    if SEQUENCE_FILE not in files and SEQUENCE_ITEMS_FILE not in files:
        return None
    ids = msgspec.json.decode(files[SEQUENCE_ITEMS_FILE], type=list[str])
    learnt = Learnt.from_bytes(files[SEQUENCE_FILE])
    if len(ids) != len(learnt.network["items"]):
        raise ValueError(f"{SEQUENCE_FILE} and {SEQUENCE_ITEMS_FILE} do not speak of the same items")
    return Known(learnt, ids)
