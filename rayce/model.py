"""A trained LightGBM model as an artifact: scores of one row and of many.

One row goes through the C API's single-row fast path (5.9 µs against 19 µs for `Booster.predict`), reached through a private
name; the rows of a ranking go through `rayce.tree_kernel` (0.08 ms for 200 against 0.9 ms). Each is compared with
`Booster.predict` at load and left aside where it is missing or differs. Always one thread.
"""

import ctypes
from collections.abc import Callable, Mapping, Sequence

import lightgbm
import msgspec
import numpy as np
from lightgbm.basic import _LIB  # type: ignore[attr-defined]  # private; compared at load
from numpy.typing import NDArray

from rayce.errors import InvalidArtifact
from rayce.features.feature_set import ALL, FeatureSet
from rayce.model_files import MANIFEST_FILE, MODEL_FILE, Manifest, hash_of
from rayce.model_inputs import ModelInputs
from rayce.ranking import RANKING_FEATURES
from rayce.tree_kernel import TreeKernel
from rayce.trees import Trees

__all__ = ["MANIFEST_FILE", "MODEL_FILE", "Manifest", "Model", "load_ranker", "load_segment_model", "to_files"]

_RAW, _NORMAL, _FLOAT64 = 1, 0, 1


class Model:
    """A loaded model. Not safe to share among threads: load one in each thread that scores."""

    def __init__(self, text: str, manifest: Manifest) -> None:
        self.manifest = manifest
        self.features = manifest.features
        self._raw = manifest.kind == "ranker"
        self._booster = lightgbm.Booster(model_str=text)
        if self._booster.num_feature() != len(self.features):
            raise InvalidArtifact(
                f"the model has {self._booster.num_feature()} features, its manifest names {len(self.features)}",
                "features",
                len(self.features),
            )
        if manifest.features_hash and manifest.features_hash != hash_of(self.features):
            raise InvalidArtifact("the manifest's features are not those of its hash", "features", list(self.features))
        self.thresholds = manifest.thresholds
        """Those that training has chosen, by the name of what was declared for them."""
        self.checksum = ModelInputs(text, len(self.features)).checksum
        """Equal for rows that this model scores alike: such a row need not be scored again."""
        fast = _FastRow(self._booster, self._raw)
        self._fast = fast if fast.agrees(self._predict) else None
        self._kernel = self._compiled(text) if self._raw else None

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Model":
        """The model of a generation. `InvalidArtifact` says what is missing or damaged."""
        try:
            manifest = msgspec.json.decode(files[MANIFEST_FILE], type=Manifest)
            return cls(files[MODEL_FILE].decode(), manifest)
        except KeyError as error:
            raise InvalidArtifact(f"the generation has no file {error}", "files", sorted(files)) from None
        except (msgspec.MsgspecError, UnicodeDecodeError, lightgbm.basic.LightGBMError) as error:
            raise InvalidArtifact(f"the model cannot be read: {error}", MODEL_FILE, None) from None

    def score_one(self, row: Sequence[float]) -> float:
        """The score of one row (probability for a segment model, raw score for a ranker)."""
        if self._fast is not None:
            return self._fast.score(row)
        return float(self.score_many(np.array([row]))[0])

    def score_many(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores of rows × features; of one row it is the one that `score_one` gives, to the bit."""
        return self._predict(rows) if self._kernel is None else self._kernel.score_many(rows)

    def _predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self._booster.predict(rows, raw_score=self._raw, num_threads=1), dtype=np.float64)

    def _compiled(self, text: str) -> TreeKernel | None:
        """The kernel, or None where it does not understand the trees or does not give LightGBM's scores."""
        try:
            kernel = TreeKernel(Trees.from_text(text))
        except InvalidArtifact:
            return None
        return kernel if kernel.agrees(self._predict, len(self.features)) else None

    def contributions(self, row: Sequence[float]) -> dict[str, float]:
        """What each feature added to the raw score (log-odds for a segment model) of the row, by name; the rest is the same
        for everybody. Slow (0.1 to 1 ms): for explanations. Lundberg et al., Consistent individualized feature attribution
        for tree ensembles (2018).
        """
        found = np.asarray(self._booster.predict(np.array([row]), pred_contrib=True, num_threads=1))[0]
        return {name: float(value) for name, value in zip(self.features, found, strict=False)}


def load_segment_model(files: Mapping[str, bytes], features: FeatureSet = ALL) -> Model:
    """A model of a person's features; `InvalidArtifact` also where it wants one that is not computed: unknown, or off."""
    model = Model.from_files(files)
    unknown = [name for name in model.features if name not in features.numbers]
    if unknown:
        raise InvalidArtifact(f"the model wants features that are not computed: {unknown}", "features", unknown)
    return model


def load_ranker(files: Mapping[str, bytes]) -> Model:
    """A model of the ranking matrix; `InvalidArtifact` also where it was trained on other columns."""
    model = Model.from_files(files)
    if model.features != RANKING_FEATURES:
        raise InvalidArtifact("the ranker was trained on other columns", "features", list(model.features))
    return model


def to_files(booster: lightgbm.Booster, manifest: Manifest) -> dict[str, bytes]:
    """The files of a generation."""
    return {MODEL_FILE: booster.model_to_string().encode(), MANIFEST_FILE: msgspec.json.encode(manifest)}


class _FastRow:
    """LightGBM's `LGBM_BoosterPredictForMatSingleRowFast` with its buffers made once."""

    def __init__(self, booster: lightgbm.Booster, raw: bool) -> None:
        self._features = booster.num_feature()
        self._row = (ctypes.c_double * self._features)()
        self._out = ctypes.c_double()
        self._length = ctypes.c_int64()
        self._config = ctypes.c_void_p()
        self._ready = hasattr(booster, "_handle") and self._begin(booster, _RAW if raw else _NORMAL)
        self._arguments = (self._config, self._row, ctypes.byref(self._length), ctypes.byref(self._out))

    def _begin(self, booster: lightgbm.Booster, kind: int) -> bool:
        failed: int = _LIB.LGBM_BoosterPredictForMatSingleRowFastInit(
            booster._handle,
            ctypes.c_int(kind),
            ctypes.c_int(0),
            ctypes.c_int(-1),
            ctypes.c_int(_FLOAT64),
            ctypes.c_int32(self._features),
            ctypes.c_char_p(b"num_threads=1"),
            ctypes.byref(self._config),
        )
        return not failed

    def score(self, row: Sequence[float]) -> float:
        self._row[:] = list(row)
        _LIB.LGBM_BoosterPredictForMatSingleRowFast(*self._arguments)
        return self._out.value

    def agrees(self, score_many: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> bool:
        """Whether it gives `Booster.predict`'s scores to the bit on random rows."""
        if not self._ready:
            return False
        rows = np.random.default_rng(0).normal(0, 100, (64, self._features))
        rows[:8] = 0
        return all(self.score(row.tolist()) == score for row, score in zip(rows, score_many(rows), strict=True))

    def __del__(self) -> None:
        if self._config:
            _LIB.LGBM_FastConfigFree(self._config)
