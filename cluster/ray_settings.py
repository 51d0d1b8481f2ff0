"""What `ray.init` has no argument for, and a cluster on one machine needs: loopback only, and ports of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray._private import ray_constants
from ray._private.parameter import RayParams


@contextmanager
def own_loopback_node(agent_port: int) -> Iterator[None]:
    """While open, `ray.init` starts a node on 127.0.0.1 whose dashboard agent listens on `agent_port`.

    Ray reads the first from its environment when it is imported, and the second only from `ray start`; the agent's usual
    port would be the same for every cluster of a machine, and jobs could be submitted to the first one only.
    """
    make, clusters = RayParams.__init__, ray_constants.ENABLE_RAY_CLUSTER

    def make_with_port(self: RayParams, *arguments: Any, **more: Any) -> None:
        make(self, *arguments, **{"dashboard_agent_listen_port": agent_port, **more})

    RayParams.__init__ = make_with_port
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        RayParams.__init__ = make
        ray_constants.ENABLE_RAY_CLUSTER = clusters
