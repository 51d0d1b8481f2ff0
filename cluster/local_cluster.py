"""The whole of rayce on one machine: local stores, a Ray cluster of its own, the stream, and Serve. Loopback only.

Every cluster has its own ports and folders, so several can run side by side; it stops only what it started.
"""

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import ray
import yaml
from ray import serve
from ray.exceptions import RayError

from cluster.environment import RAY_ENVIRONMENT
from cluster.lake.actor import start_lake, stop_lake
from cluster.local.stack import LocalStack
from cluster.prepare import prepare_stores
from cluster.ray_settings import own_loopback_node
from cluster.schedule.actors import schedules_of, start_scheduler
from cluster.serving import deploy, serve_config
from cluster.stream.actors import NAMESPACE, SUPERVISOR, start_stream
from rayce.settings import Settings, load_settings

CHECKOUT = Path(__file__).parent.parent
START_WITHIN_S = 60.0


class LocalCluster:
    """A context manager; `url`, `api_key` and `settings` are there once it is up."""

    def __init__(
        self,
        root: Path,
        *,
        mode: str = "auto",
        overrides: dict[str, Any] | None = None,
        adapt: Callable[[dict[str, Any]], None] | None = None,
        progress: Callable[[str], None] = lambda line: None,
    ) -> None:
        """`overrides` are settings by section; `adapt` may change the Serve config before it is deployed."""
        self.root = root.resolve()
        self.stack = LocalStack(self.root, mode=mode, progress=progress)  # type: ignore[arg-type]
        self._overrides = overrides or {}
        self._adapt = adapt
        self._progress = progress
        self._scratch = Path(tempfile.mkdtemp(prefix="rayce-"))
        self.settings_path = self.root / "settings.cluster.yaml"
        self.settings: Settings
        self.url = self.dashboard = self.api_key = ""
        self._started_ray = False
        self._environ: dict[str, str] | None = None

    def up(self) -> None:
        """Start everything and wait until it answers; what was started is stopped again when one part fails."""
        try:
            self._up()
        except BaseException:
            self.down()
            raise

    def _up(self) -> None:
        self.stack.up()
        port = self._write_settings()
        self.settings = load_settings(self.settings_path, {})
        schedules_of(self.settings)
        self.api_key = (self.root / "api-key").read_text().strip()
        self._progress("tables and topics")
        prepare_stores(self.settings)
        self._progress("starting Ray")
        self._start_ray()
        self._progress("starting the stream")
        start_stream(self.settings)
        start_lake(self.settings)
        start_scheduler(self.settings, str(self.settings_path), self.dashboard)
        self._progress("deploying to Ray Serve")
        config = serve_config("127.0.0.1", port, str(self.settings_path))
        _fit_to_machine(config, os.cpu_count() or 1)
        if self._adapt:
            self._adapt(config)
        deploy(self.dashboard, config)
        self.url = f"http://127.0.0.1:{port}"
        self._wait_for_stream()
        (self.root / "cluster.json").write_text(json.dumps(self.describe()), encoding="utf-8")

    def describe(self) -> dict[str, Any]:
        """Where it is, for other programs."""
        return {
            "url": self.url,
            "dashboard": self.dashboard,
            "ray": ray.get_runtime_context().gcs_address,
            "api_key_file": str(self.root / "api-key"),
            "settings": str(self.settings_path),
            "pid": os.getpid(),
            "real": self.stack.real,
        }

    def down(self) -> None:
        """In order: no more requests, the stream drained, Ray gone, then the stores."""
        if self._started_ray:
            self._progress("stopping")
            for stop in (serve.shutdown, self._drain, stop_lake, ray.shutdown):
                try:
                    stop()
                except (RayError, ValueError, OSError) as error:
                    self._progress(f"while stopping: {error}")
            self._started_ray = False
        if self._environ is not None:  # this process may start another, which must not look for this one's parts
            os.environ.clear()
            os.environ.update(self._environ)
            self._environ = None
        (self.root / "cluster.json").unlink(missing_ok=True)
        self.stack.down()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> "LocalCluster":
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def _write_settings(self) -> int:
        tree: dict[str, Any] = yaml.safe_load(self.stack.settings_path.read_text(encoding="utf-8"))
        for section, values in self._overrides.items():
            tree[section] = {**tree.get(section, {}), **values}
        port = int(tree["edge"].setdefault("port", free_port(8000)))
        tree.setdefault("batch", {}).setdefault("work_path", str(self.root / "batch"))
        self.settings_path.touch(mode=0o600)
        self.settings_path.write_text(yaml.safe_dump(tree), encoding="utf-8")
        return port

    def _start_ray(self) -> None:
        haproxy = self._scratch / "haproxy"
        self._environ = dict(os.environ)
        os.environ.update(RAY_ENVIRONMENT)
        os.environ.update(
            {
                "PYTHONPATH": str(CHECKOUT),
                # Ray then takes 127.0.0.1 as the node's address on Linux too, and its servers listen there only.
                "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
                "RAY_SERVE_HAPROXY_BINARY_PATH": str(CHECKOUT / "cluster" / "haproxy.sh"),
                "HAPROXY_ON_LOOPBACK": "1",
                "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(haproxy / "haproxy.cfg"),
                "RAY_SERVE_HAPROXY_SOCKET_PATH": str(haproxy / "admin.sock"),
                "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(haproxy),
                "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(haproxy / "server-state"),
                "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port(0)),
                "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port(0)),
                # The embedded DynamoDB and jobs are started by this interpreter: a job's `python` is the one on PATH.
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            }
        )
        haproxy.mkdir(parents=True, exist_ok=True)
        dashboard_port = free_port(8265)
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        with own_loopback_node(agent_port=free_port(0)):
            ray.init(
                address="local",
                num_cpus=max(4, os.cpu_count() or 1),
                namespace=NAMESPACE,
                include_dashboard=True,
                dashboard_host="127.0.0.1",
                dashboard_port=dashboard_port,
                _node_ip_address="127.0.0.1",
                _temp_dir=str(self._scratch / "ray"),
                log_to_driver=False,
                logging_level="ERROR",
            )
        if threading.current_thread() is threading.main_thread():
            # ray.init has put its own handlers in their place, which end the process before anything is stopped.
            for number, handler in handlers.items():
                signal.signal(number, handler)
        self._started_ray = True
        self.dashboard = f"http://127.0.0.1:{dashboard_port}"

    def _wait_for_stream(self) -> None:
        supervisor = ray.get_actor(SUPERVISOR, NAMESPACE)
        until_s = time.monotonic() + START_WITHIN_S
        while not ray.get(supervisor.ready.remote(), timeout=START_WITHIN_S):
            if time.monotonic() > until_s:
                raise TimeoutError(f"the stream did not start within {START_WITHIN_S:.0f} s; see {self._scratch}/ray")
            time.sleep(0.1)

    @staticmethod
    def _drain() -> None:
        ray.get(ray.get_actor(SUPERVISOR, NAMESPACE).drain.remote(), timeout=60)


def _fit_to_machine(config: dict[str, Any], cores: int) -> None:
    """No more replicas of a kind than half the cores, or than the least: the stores and the other kinds are here too, and what
    starts takes the cores from those who serve (a ranker 5 to 10 s of one).
    """
    for application in config["applications"]:
        for deployment in application["deployments"]:
            scaling = deployment["autoscaling_config"]
            scaling["max_replicas"] = max(scaling["min_replicas"], min(scaling["max_replicas"], cores // 2))


def free_port(wanted: int) -> int:
    """`wanted` if nobody listens there, else any free port of the loopback."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")
