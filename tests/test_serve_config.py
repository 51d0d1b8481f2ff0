"""`deployments/serve_config.yaml`: what `serve deploy` takes, and what the application defines."""

import ast
import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, RequestRouterConfig
from ray.serve.schema import (
    DeploymentSchema,
    HTTPOptionsSchema,
    LoggingConfig,
    RayActorOptionsSchema,
    ServeApplicationSchema,
    ServeDeploySchema,
)

CHECKOUT = Path(__file__).parent.parent
MODELS = {
    "applications": ServeApplicationSchema,
    "autoscaling_config": AutoscalingConfig,
    "deployments": DeploymentSchema,
    "http_options": HTTPOptionsSchema,
    "logging_config": LoggingConfig,
    "policy": AutoscalingPolicy,
    "ray_actor_options": RayActorOptionsSchema,
    "request_router_config": RequestRouterConfig,
}


@pytest.fixture
def config() -> dict[str, Any]:
    text = (CHECKOUT / "deployments" / "serve_config.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_serves_own_schema_takes_it(config: dict[str, Any]) -> None:
    schema = ServeDeploySchema.model_validate(config)
    assert [application.name for application in schema.applications] == ["rayce"]
    assert unknown_keys(ServeDeploySchema, config) == []


def test_a_misspelt_option_is_caught_though_serve_passes_over_it(config: dict[str, Any]) -> None:
    config["applications"][0]["deployments"][0]["autoscaling_config"]["upscale_delays"] = 3
    ServeDeploySchema.model_validate(config)
    assert unknown_keys(ServeDeploySchema, config) == ["applications.deployments.autoscaling_config.upscale_delays"]


def test_it_names_every_deployment_that_the_application_defines(config: dict[str, Any]) -> None:
    tree = ast.parse((CHECKOUT / "deployments" / "app.py").read_text(encoding="utf-8"))
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(d).startswith("serve.deployment") for d in node.decorator_list)
    }
    named = [deployment["name"] for deployment in config["applications"][0]["deployments"]]
    assert sorted(named) == sorted(defined)


def test_its_import_path_leads_to_a_builder_that_takes_its_arguments(config: dict[str, Any]) -> None:
    (application,) = config["applications"]
    module, _, name = application["import_path"].partition(":")
    builder = getattr(importlib.import_module(module), name)
    assert callable(builder)
    assert set(application["args"]) == {"settings"}


def test_every_deployment_scales_between_bounds_and_takes_more_than_the_default(config: dict[str, Any]) -> None:
    for deployment in config["applications"][0]["deployments"]:
        scaling = deployment["autoscaling_config"]
        assert 1 <= scaling["min_replicas"] < scaling["max_replicas"], deployment["name"]
        assert deployment["max_ongoing_requests"] >= 100, "the default of 5 collapses under load"


def test_every_policy_can_be_made_with_its_arguments(config: dict[str, Any]) -> None:
    for deployment in config["applications"][0]["deployments"]:
        policy = deployment["autoscaling_config"]["policy"]
        module, _, name = policy["policy_function"].partition(":")
        assert callable(getattr(importlib.import_module(module), name)(**policy["policy_kwargs"]))


def test_a_rolling_update_starts_new_replicas_first(config: dict[str, Any]) -> None:
    assert all(d["max_surge_percent"] == 100 for d in config["applications"][0]["deployments"])


def test_the_edge_is_served_at_the_root(config: dict[str, Any]) -> None:
    """It answers before Ray's part, which alone would strip a prefix (docs/decisions/0015)."""
    (application,) = config["applications"]
    assert application["route_prefix"] == "/"


def test_it_listens_on_loopback_unless_told_otherwise(config: dict[str, Any]) -> None:
    assert config["http_options"]["host"] == "127.0.0.1"
    assert config["logging_config"]["enable_access_log"] is False


def unknown_keys(kind: Any, value: Any, path: str = "") -> list[str]:
    """Paths of keys that the model does not know."""
    found = []
    for key, below in value.items():
        where = f"{path}{key}"
        if key not in kind.model_fields:
            found.append(where)
            continue
        inner = MODELS.get(key)
        for entry in below if isinstance(below, list) else [below]:
            if inner is not None and isinstance(entry, dict):
                found += unknown_keys(inner, entry, f"{where}.")
    return found
