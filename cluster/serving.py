"""Deploys `deployments/serve_config.yaml` to a running cluster, as `serve deploy` does, and waits until it runs."""

import time
from pathlib import Path
from typing import Any

import yaml
from ray.dashboard.modules.serve.sdk import ServeSubmissionClient

CONFIG = Path(__file__).parent.parent / "deployments" / "serve_config.yaml"
LOOK_EVERY_S = 0.2


class DeployFailed(RuntimeError):
    """Serve could not bring the application up; the message is Serve's."""


def serve_config(host: str, port: int, settings_path: str) -> dict[str, Any]:
    """The Serve config with where to listen and which settings to use."""
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    config["http_options"] |= {"host": host, "port": port}
    for application in config["applications"]:
        application["args"]["settings"] = settings_path
    return config


def deploy(dashboard: str, config: dict[str, Any], timeout_s: float = 120) -> None:
    """Deploy and wait. `DeployFailed` with Serve's own words when it does not come up."""
    client = ServeSubmissionClient(dashboard)
    client.deploy_applications(config)
    until_s = time.monotonic() + timeout_s
    while True:
        applications = client.get_serve_details()["applications"]
        states = {name: (a["status"], a["message"]) for name, a in applications.items()}
        if states and all(status == "RUNNING" for status, _message in states.values()):
            return
        failed = {name: message for name, (status, message) in states.items() if status == "DEPLOY_FAILED"}
        if failed or time.monotonic() > until_s:
            raise DeployFailed(f"Serve did not come up within {timeout_s:.0f} s: {failed or states}")
        time.sleep(LOOK_EVERY_S)
