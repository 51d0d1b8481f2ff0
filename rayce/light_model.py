"""A ranker small enough for the edge: the first trees of the live one, to re-order what needs no hop to the ranker.

Gradient boosting adds trees in the order of what they gain, so its first trees are the best small model that there is without
training another; what is lost by it stands in the ranker's metrics (`light_ndcg_at_10`). NumPy only: neither LightGBM nor a
compiler comes to the edge.
"""

from collections.abc import Mapping

import msgspec
import numpy as np
from msgspec.structs import replace

from rayce.candidates import NO_CANDIDATES, SOURCES, Wish, find_candidates
from rayce.errors import InvalidArtifact
from rayce.model_files import MANIFEST_FILE, MODEL_FILE, Manifest
from rayce.precomputed import List
from rayce.profile import Profile
from rayce.ranking import RANKING_FEATURES, Ranker, Slate, scored
from rayce.shelf import Shelf
from rayce.trees import Scores, Trees

LIGHT_TREES = 20


class LightModel:
    """Scores rows of the ranking matrix; see `rayce.ranking.Ranker`. Safe to share among threads."""

    def __init__(self, trees: Trees) -> None:
        self.features: tuple[str, ...] = RANKING_FEATURES
        self._trees = trees

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "LightModel":
        """The light model of a ranker's generation.

        `InvalidArtifact` where something is missing or damaged, where it was trained on other columns, and where its trees are
        of a kind that only LightGBM understands.
        """
        try:
            manifest = msgspec.json.decode(files[MANIFEST_FILE], type=Manifest)
            trees = Trees.from_text(files[MODEL_FILE].decode(), LIGHT_TREES)
        except KeyError as error:
            raise InvalidArtifact(f"the generation has no file {error}", "files", sorted(files)) from None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise InvalidArtifact(f"the model cannot be read: {error}", MODEL_FILE, None) from None
        if manifest.features != RANKING_FEATURES or trees.feature.max(initial=0) >= len(RANKING_FEATURES):
            raise InvalidArtifact("the ranker was trained on other columns", "features", list(manifest.features))
        return cls(trees)

    def score_many(self, rows: Scores) -> Scores:
        """What `Booster.predict(num_iteration=LIGHT_TREES, raw_score=True)` gives, to the bit."""
        return self._trees.score_many(rows)


def read_light_model(files: Mapping[str, bytes]) -> LightModel | None:
    """For `LiveGenerations`: None where there is no light model of this ranker, so that its number is known all the same."""
    try:
        return LightModel.from_files(files)
    except InvalidArtifact:
        return None


def list_slate(
    shelf: Shelf,
    light: Ranker | None,
    profile: Profile | None,
    entries: List,
    source: str,
    now_ms: int,
    listed: List,
    wish: Wish,
) -> Slate:
    """A list's entries (item id, score) as a slate, in the light model's order; without one by their own scores.

    Without those that are not on the shelf, not available, or that `wish` does not want; equal scores go by the entries' order.
    `source` (of `rayce.candidates.SOURCES`) is theirs; `listed` is the person's precomputed list.
    """
    if not entries:
        return Slate(NO_CANDIDATES, np.zeros(0), np.zeros(0, dtype=np.intp), np.zeros((0, len(RANKING_FEATURES))))
    score_of = dict(entries)
    found = find_candidates(shelf, profile, listed, replace(wish, candidates=tuple(score_of)), now_ms, len(score_of))
    found = found._replace(source=np.full(len(found.items), SOURCES.index(source), dtype=np.int8))
    if light is not None:
        return scored(shelf, light, profile, found, now_ms)
    scores = np.array([score_of[shelf.ids[n]] for n in found.items.tolist()], dtype=np.float64)
    return Slate(found, scores, np.argsort(-scores, kind="stable"), np.zeros((0, len(RANKING_FEATURES))))
