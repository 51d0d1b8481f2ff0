"""What rayce knows about somebody, for the page that shows it to them."""

import asyncio
from typing import NamedTuple

from examples.shop.visitor import Visitor
from rayce.client import ConsentRecord, Explained, Profile, RayceClient, RayceClientError

PATIENCE_S = 1.0


class Known(NamedTuple):
    """All None for somebody unknown. `away`: rayce could not be asked."""

    consent: ConsentRecord | None = None
    segments: Explained | None = None
    profile: Profile | None = None
    away: bool = False


async def known_of(rayce: RayceClient, visitor: Visitor) -> Known:
    """What is known now. Of whoever has not consented nothing is asked, as there is no id to ask with."""
    if visitor.person is None:
        return Known()
    try:
        async with asyncio.timeout(PATIENCE_S):
            consent, segments, profile = await asyncio.gather(
                rayce.get_consent(visitor.person), rayce.explain(visitor.person), rayce.profile(visitor.person)
            )
    except (RayceClientError, TimeoutError):
        return Known(away=True)
    return Known(consent, segments, profile)
