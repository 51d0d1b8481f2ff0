"""What is done when another generation was made live by hand: it is written down who did it, and every process is told."""

import structlog

from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from rayce.errors import Unavailable
from rayce.flip import Flip, encode_flip
from rayce.stores.interfaces import MODELS

log = structlog.get_logger(__name__)


def note(caller: Caller, name: str, number: int) -> None:
    """Write down which key has made which generation live."""
    log.info("administered", key=caller.name, name=name, number=number)


async def announce(edge: Edge, caller: Caller, name: str, number: int) -> None:
    """`note`, and tell all through the topic. While that is away they find it by looking (`serving.generation_poll_s`), this
    replica at once.
    """
    note(caller, name, number)
    flip = Flip(name, number, edge.now_ms())
    edge.live.heard((flip,))
    try:
        await edge.log.write(MODELS, [(name, encode_flip(flip))])
    except Unavailable:
        edge.metrics.add("rayce_failures_total", 1, "kafka")
