"""The live segment models of a tenant, loaded once: for jobs, which end before there are newer ones."""

from collections.abc import Mapping

from rayce.features.feature_set import ALL, FeatureSet
from rayce.generations import generation_name
from rayce.model import Model, load_segment_model
from rayce.stores.interfaces import DurableGenerations

PREFIX = "segment-model."


class SegmentModels:
    """Models by name, as the segment catalogue names them (`rayce.segments.evaluation.Scorers`)."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = models

    def __len__(self) -> int:
        return len(self._models)

    def get(self, name: str) -> Model | None:
        """The model, or None where it is not trained yet."""
        return self._models.get(name)


def load_segment_models(durable: DurableGenerations, tenant: str, features: FeatureSet = ALL) -> SegmentModels:
    """The tenant's live models. `InvalidArtifact` where one cannot be used."""
    prefix = generation_name(tenant, PREFIX)
    live = durable.live(prefix).items()
    return SegmentModels(
        {
            name.removeprefix(prefix): load_segment_model(durable.load_generation(name, number), features)
            for name, number in live
        }
    )
