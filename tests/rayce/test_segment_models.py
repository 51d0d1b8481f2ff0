from rayce.segment_models import load_segment_models
from rayce.stores.memory import MemoryDurable
from rayce.training import train_classifier, trained
from tests.rayce.test_training import NAMES, rows


def test_the_live_models_of_the_tenant_are_loaded_by_name() -> None:
    train, held_out = rows(500, 1), rows(100, 2)
    made = trained(train_classifier(train, held_out, NAMES), "segment-model", NAMES, train, {})
    durable = MemoryDurable()
    for name in ("shop/segment-model.buys", "other/segment-model.leaves", "shop/ranker"):
        durable.make_live(name, durable.publish(name, made.files))
    durable.publish("shop/segment-model.later", made.files)
    models = load_segment_models(durable, "shop")
    assert len(models) == 1
    model = models.get("buys")
    assert model is not None
    assert model.features == NAMES
    assert models.get("leaves") is None
    assert models.get("later") is None
