"""The live segment models of a tenant, as jobs load them."""

import pytest

from rayce.errors import InvalidArtifact
from rayce.features.catalogue import parse_features
from rayce.segment_models import load_segment_models
from rayce.stores.memory import MemoryDurable
from tests.trained import trained_on


def live(*features: str) -> MemoryDurable:
    durable, files = MemoryDurable(), trained_on(*features)
    for name in ("shop/segment-model.buys", "other/segment-model.leaves", "shop/ranker"):
        durable.make_live(name, durable.publish(name, files))
    durable.publish("shop/segment-model.later", files)
    return durable


def test_the_live_models_of_the_tenant_are_loaded_by_name() -> None:
    models = load_segment_models(live("events", "views_5m"), "shop")
    assert len(models) == 1
    model = models.get("buys")
    assert model is not None
    assert model.features == ("events", "views_5m")
    assert models.get("leaves") is None
    assert models.get("later") is None


@pytest.mark.parametrize("feature", ["signal", "views_5m"])
def test_a_model_of_a_feature_that_is_not_computed_is_refused(feature: str) -> None:
    """Otherwise it would be scored on nothing but zeros."""
    with pytest.raises(InvalidArtifact, match=feature):
        load_segment_models(live("events", feature), "shop", parse_features("{version: 1, families: [price]}"))
