"""The composition of a worker: each tenant has models of its own."""

from cluster.stream.build import SEGMENT_MODEL, TenantModels, _models
from rayce.generations import LiveGenerations, generation_name
from rayce.stores.memory import MemoryDurable


def test_each_tenant_has_models_of_its_own_and_none_until_one_is_published() -> None:
    durable = MemoryDurable()
    name = generation_name("shop", f"{SEGMENT_MODEL}.buys")
    durable.make_live(name, durable.publish(name, {"x": b"model"}))
    live = LiveGenerations(durable, {SEGMENT_MODEL: lambda files: files["x"]}, 60)
    assert TenantModels(live, "shop").get("buys") is None
    live.refresh()
    models_of = _models(live)
    assert models_of("shop").get("buys") == b"model"
    assert models_of("shop").get("other") is None
    assert models_of("other").get("buys") is None
    assert models_of("shop") is models_of("shop")
