"""`cluster.yaml`, its roles and its settings: Ray accepts them, and everything they speak of exists. No network is used."""

import ast
import json
import os
import re
import shlex
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore import xform_name
from ray._private.label_utils import validate_label_key, validate_label_selector_value
from ray.autoscaler._private.util import prepare_config, validate_config

from cluster.environment import RAY_ENVIRONMENT
from rayce.settings import Settings, load_settings

CHECKOUT = Path(__file__).parent.parent
IAM = CHECKOUT / "cluster" / "iam"
REMOTE = "/home/ubuntu/"
COMMANDS = ("initialization_commands", "setup_commands", "head_start_ray_commands", "worker_start_ray_commands")
PARTS = {"Put": "PutItem", "ConditionCheck": "ConditionCheckItem", "Update": "UpdateItem", "Delete": "DeleteItem"}
"""What the parts of a transaction are called in a policy; the transaction itself needs no permission of its own."""


@pytest.fixture
def config() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHECKOUT / "cluster.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def prepared(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """As `ray up` has it before it asks AWS for anything."""

    def refused(*arguments: object) -> None:
        raise AssertionError(f"the network was asked for {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refused)
    found: dict[str, Any] = prepare_config(config)
    validate_config(found)
    return found


class TestWhatRaySees:
    def test_it_passes_rays_schema_and_preparation(self, prepared: dict[str, Any]) -> None:
        assert prepared["provider"]["type"] == "aws"
        assert prepared["worker_setup_commands"] == prepared["setup_commands"]

    def test_a_misspelt_key_does_not(self, config: dict[str, Any]) -> None:
        config["available_node_types"]["online"]["max_worker"] = 3
        with pytest.raises(Exception, match="max_worker"):
            validate_config(prepare_config(config))

    def test_the_head_runs_nothing_of_ours_and_workers_scale(self, prepared: dict[str, Any]) -> None:
        types = prepared["available_node_types"]
        head, online, batch = types[prepared["head_node_type"]], types["online"], types["batch"]
        assert (head["resources"]["CPU"], head["max_workers"]) == (0, 0)
        assert online["min_workers"] >= 2, "one may be lost without a failed request"
        assert online["max_workers"] > online["min_workers"]
        assert "InstanceMarketOptions" not in online["node_config"]
        assert batch["min_workers"] == 0
        assert batch["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
        assert prepared["max_workers"] >= online["max_workers"] + batch["max_workers"]

    def test_labels_and_resources_are_ones_that_ray_can_place_by(self, prepared: dict[str, Any]) -> None:
        for name, kind in prepared["available_node_types"].items():
            assert kind["labels"]["role"] == name
            for key, value in kind["labels"].items():
                assert validate_label_key(key) is None
                assert validate_label_selector_value(value) is None
        assert [name for name, kind in prepared["available_node_types"].items() if "batch" in kind["resources"]] == [
            "batch"
        ]


class TestCommands:
    @pytest.mark.parametrize("name", COMMANDS)
    def test_they_are_shell(self, config: dict[str, Any], name: str) -> None:
        for command in config[name]:
            wrapped = f"true && ({command})"  # as Ray runs it
            subprocess.run(["bash", "-n", "-c", wrapped], check=True, timeout=10)

    def test_programs_and_paths_exist(self, config: dict[str, Any]) -> None:
        text = "\n".join(command for name in COMMANDS for command in config[name])
        modules = [module for module in re.findall(r"-m ([\w.]+)", text) if module != "venv"]
        paths = re.findall(r"(?:~|\$HOME)/rayce/([\w./-]+)", text)
        assert modules == ["cluster.start"]
        assert {"requirements/cluster.txt", "examples/aws/settings.yaml"} <= set(paths)
        for path in [*(module.replace(".", "/") + ".py" for module in modules), *paths]:
            assert (CHECKOUT / path).exists(), path
            assert any(f"{REMOTE}rayce/{path}".startswith(mount) for mount in config["file_mounts"]), (
                f"{path} not mounted"
            )

    def test_every_program_of_ours_is_mounted(self, config: dict[str, Any]) -> None:
        mounted = {remote.removeprefix(f"{REMOTE}rayce/"): local for remote, local in config["file_mounts"].items()}
        secrets = mounted.pop(f"{REMOTE}rayce-secrets.env")
        assert all(remote == local and (CHECKOUT / local).is_dir() for remote, local in mounted.items())
        assert {"rayce", "cluster", "deployments", "jobs"} <= mounted.keys()
        assert secrets.startswith("~/"), "secrets are never part of the checkout"

    def test_the_head_starts_ray_and_then_rayce(self, config: dict[str, Any]) -> None:
        stop, start, rayce = config["head_start_ray_commands"]
        assert stop.endswith("ray stop")
        assert "ray start --head" in start
        assert "--autoscaling-config=~/ray_bootstrap_config.yaml" in start
        assert "--dashboard-host=127.0.0.1" in start
        assert 'python -m cluster.start --settings "$RAYCE_SETTINGS"' in rayce

    def test_the_head_asks_again_until_rayce_is_up(self, config: dict[str, Any], tmp_path: Path) -> None:
        """Its command with a `python` that fails twice, and with one that never comes up."""
        command = config["head_start_ray_commands"][2].replace("sleep 10", "true")
        (tmp_path / "rayce").mkdir()
        (tmp_path / "rayce.env").write_text(f'export PATH="{tmp_path}:$PATH"; export RAYCE_SETTINGS=s')
        program = tmp_path / "python"
        for needed, code, calls in ((3, 0, 3), (99, 1, 6)):
            (tmp_path / "count").write_text("")
            program.write_text(f'#!/bin/sh\necho "$@" >> ~/count; test $(wc -l < ~/count) -ge {needed}\n')
            program.chmod(0o755)
            ran = subprocess.run(["bash", "-c", f"({command})"], env={**os.environ, "HOME": str(tmp_path)}, timeout=20)
            assert ran.returncode == code
            assert (tmp_path / "count").read_text().splitlines() == ["-m cluster.start --settings s"] * calls

    def test_head_and_workers_have_the_environment_before_ray_starts(
        self, config: dict[str, Any], tmp_path: Path
    ) -> None:
        """The commands that write and read the environment, run for real."""
        (write,) = [command for command in config["setup_commands"] if "rayce.env" in command]
        (tmp_path / "rayce-secrets.env").write_text("RAYCE_KAFKA__SASL_PASSWORD='s3 cret'\n")
        shell = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        subprocess.run(["bash", "-c", f"true && ({write})"], env=shell, check=True, timeout=10)
        for starts in (config["head_start_ray_commands"], config["worker_start_ray_commands"]):
            assert all(command.startswith(". ~/rayce.env &&") for command in starts)
        out = subprocess.run(
            ["bash", "-c", ". ~/rayce.env && env -0"], env=shell, check=True, timeout=10, capture_output=True, text=True
        )
        found = dict(entry.split("=", 1) for entry in out.stdout.split("\0") if entry)
        assert found.pop("RAY_SERVE_HAPROXY_BINARY_PATH") == f"{tmp_path}/rayce/cluster/haproxy.sh"
        assert {name: value for name, value in found.items() if name.startswith("RAY_")} == RAY_ENVIRONMENT
        assert found["PATH"].startswith(f"{tmp_path}/rayce-venv/bin:")
        assert found["PYTHONPATH"] == f"{tmp_path}/rayce"
        assert found["RAYCE_SETTINGS"] == f"{tmp_path}/rayce/examples/aws/settings.yaml"
        assert found["RAYCE_KAFKA__SASL_PASSWORD"] == "s3 cret"


class TestPermissions:
    def test_they_are_exactly_what_the_dynamodb_store_calls(self) -> None:
        folder = CHECKOUT / "rayce" / "stores" / "dynamo"
        sources = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
        tables = set(actions_of(sources.pop("tables")))
        data = {action for source in sources.values() for action in actions_of(source)}
        assert _actions("tables.json") == tables | {"dynamodb:DescribeTable"}
        assert _actions("data.json") == data
        assert {"dynamodb:ConditionCheckItem", "dynamodb:PutItem"} <= data, "the transaction that fences a former owner"

    def test_an_operation_that_is_not_allowed_would_be_noticed(self) -> None:
        source = "class Purge:\n    def run(self):\n        self._db.call('delete_item', TableName='t')"
        assert set(actions_of(source)) == {"dynamodb:DeleteItem"}
        assert not set(actions_of(source)) <= _actions("data.json")
        assert set(actions_of("db.ask('DeleteItem', body)")) == {"dynamodb:DeleteItem"}
        with pytest.raises(KeyError):
            list(actions_of("db.call('drop_everything')"))

    @pytest.mark.parametrize("name", ["data.json", "tables.json"])
    def test_they_reach_rayces_tables_only(self, name: str) -> None:
        for statement in _policy(name):
            assert statement["Resource"] == f"arn:aws:dynamodb:*:*:table/{Settings().dynamodb.table_prefix}*"

    def test_only_the_look_around_is_for_all(self) -> None:
        free = {
            action
            for statement in _policy("autoscaler.json")
            if statement["Resource"] == "*"
            for action in _listed(statement)
        }
        assert all(action.startswith("ec2:Describe") for action in free)

    def test_the_head_may_touch_instances_of_this_cluster_only(self, config: dict[str, Any]) -> None:
        names = re.findall(r'ray-cluster-name": "([^"]+)"', (IAM / "autoscaler.json").read_text())
        assert set(names) == {config["cluster_name"]}

    def test_roles_are_made_by_the_commands_of_the_documentation(self, config: dict[str, Any]) -> None:
        text = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
        for kind in config["available_node_types"].values():
            assert kind["node_config"]["IamInstanceProfile"]["Name"] in text
        for file in IAM.glob("*.json"):
            assert file.stem in text

    def test_workers_cannot_start_instances_or_make_tables(self, config: dict[str, Any]) -> None:
        types = config["available_node_types"]
        profiles = {name: kind["node_config"]["IamInstanceProfile"]["Name"] for name, kind in types.items()}
        assert profiles == {"head": "rayce-head", "online": "rayce-worker", "batch": "rayce-worker"}
        (passed,) = [s["Resource"] for s in _policy("autoscaler.json") if "iam:PassRole" in _listed(s)]
        assert passed.endswith("role/rayce-worker")


class TestSettings:
    def test_they_load_with_the_secrets_of_the_example(self, config: dict[str, Any]) -> None:
        settings = load_settings(CHECKOUT / "examples" / "aws" / "settings.yaml", _secrets())
        assert (settings.kafka.security_protocol, settings.kafka.replication) == ("SASL_SSL", 3)
        assert settings.kafka.sasl_username
        assert settings.kafka.sasl_password
        assert settings.redis.cluster
        assert settings.redis.url.startswith("rediss://")
        assert settings.dynamodb.endpoint_url is None
        assert settings.dynamodb.access_key_id is None, "the instance's role"
        assert settings.dynamodb.region == config["provider"]["region"]
        assert len(settings.privacy.pseudonym_keys[settings.privacy.current_key]) == 64
        assert {caller.tenant for caller in settings.edge.api_keys.values()} == {"shop"}
        assert settings.stream.min_workers <= settings.stream.max_workers <= settings.kafka.partitions

    def test_the_file_itself_holds_no_secret(self) -> None:
        settings = load_settings(CHECKOUT / "examples" / "aws" / "settings.yaml", {})
        assert settings.kafka.sasl_password is None
        assert settings.dynamodb.secret_access_key is None
        assert settings.privacy.pseudonym_keys == {}
        assert settings.edge.api_keys == {}
        assert "@" not in settings.redis.url


def actions_of(source: str) -> Iterator[str]:
    """The permissions that a module of the DynamoDB store needs, from the operations it calls by name."""
    model = botocore.session.Session().get_service_model("dynamodb")
    operations = {xform_name(name): name for name in model.operation_names} | {
        name: name for name in model.operation_names
    }
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if isinstance(node.func.value, ast.Attribute) and node.func.value.attr == "client":
            assert node.func.attr == "get_waiter", f"line {node.lineno}: past `Connection.call`"
        elif isinstance(node.func.value, ast.Attribute) and node.func.value.attr == "wire":
            assert name is None, f"line {node.lineno}: past `Connection.ask`"
        elif node.func.attr in ("call", "pages", "ask") and isinstance(name, str):
            operation = operations[name]
            yield from _parts(tree) if operation == "TransactWriteItems" else [f"dynamodb:{operation}"]


def _parts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for key in node.keys if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value in PARTS:
                yield f"dynamodb:{PARTS[str(key.value)]}"


def _policy(name: str) -> list[dict[str, Any]]:
    policy = json.loads((IAM / name).read_text(encoding="utf-8"))
    assert policy["Version"] == "2012-10-17"
    assert all(statement["Effect"] == "Allow" for statement in policy["Statement"])
    return list(policy["Statement"])


def _listed(statement: dict[str, Any]) -> list[str]:
    action = statement["Action"]
    return [action] if isinstance(action, str) else list(action)


def _actions(name: str) -> set[str]:
    return {action for statement in _policy(name) for action in _listed(statement)}


def _secrets() -> dict[str, str]:
    lines = (CHECKOUT / "examples" / "aws" / "secrets.env.example").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {name: shlex.split(value)[0] for name, value in pairs}
