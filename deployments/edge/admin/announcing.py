"""Telling every process that another generation is live."""

from deployments.edge.edge import Edge
from rayce.errors import Unavailable
from rayce.flip import Flip, encode_flip
from rayce.stores.interfaces import MODELS


async def announce(edge: Edge, name: str, number: int) -> None:
    """Through the topic. While that is away they find it by looking (`serving.generation_poll_s`), this replica at once."""
    flip = Flip(name, number, edge.now_ms())
    edge.live.heard((flip,))
    try:
        await edge.log.write(MODELS, [(name, encode_flip(flip))])
    except Unavailable:
        edge.metrics.add("rayce_failures_total", 1, "kafka")
