"""What happens to households besides baskets: campaigns reach them, and they redeem coupons."""

from typing import Any

import numpy as np
from msgspec import Struct, structs

from examples.demo import tables

RECEIVED, REDEEMED = "campaign_received", "coupon_redeemed"
_MORNING_MS, _NOON_MS = 15 * 3_600_000, 17 * 3_600_000  # UTC; the shops are five hours behind


class Occasion(Struct, frozen=True):
    """One `custom` event; `key` is unique and the same at every start."""

    key: str
    household: int
    at_ms: int
    properties: dict[str, Any]

    def moved(self, by_ms: int) -> "Occasion":
        """The same at another time."""
        return structs.replace(self, at_ms=self.at_ms + by_ms)


def read_occasions(chosen: np.ndarray[Any, Any], from_ms: int, to_ms: int) -> list[Occasion]:
    """Campaigns and redemptions of the chosen households in time order; campaigns begun before `from_ms` begin there."""
    households = set(chosen.tolist())
    found = [*_campaigns(households, from_ms), *_redemptions(households)]
    return sorted((o for o in found if from_ms <= o.at_ms <= to_ms), key=lambda o: (o.at_ms, o.key))


def _campaigns(households: set[int], from_ms: int) -> list[Occasion]:
    table = tables.read("campaign_descriptions", ["campaign_id", "start_date"])
    start = dict(zip(table["campaign_id"].to_pylist(), tables.times_ms(table, "start_date").tolist(), strict=True))
    pairs = {
        (row["campaign_id"], row["household_id"]) for row in tables.rows("campaigns", ["campaign_id", "household_id"])
    }
    return [
        Occasion(
            f"{RECEIVED}-{campaign}-{household}",
            household,
            max(from_ms, start[campaign] + _MORNING_MS),
            {"name": RECEIVED, "campaign": campaign},
        )
        for campaign, household in sorted(pairs)
        if household in households
    ]


def _redemptions(households: set[int]) -> list[Occasion]:
    table = tables.read("coupon_redemptions", ["household_id", "coupon_upc", "campaign_id", "redemption_date"])
    days = tables.times_ms(table, "redemption_date").tolist()
    columns = (table[name].to_pylist() for name in ("household_id", "coupon_upc", "campaign_id"))
    rows = sorted(zip(*columns, days, strict=True))
    return [
        Occasion(
            f"{REDEEMED}-{row}-{household}-{coupon}-{day}",
            household,
            day + _NOON_MS,
            {"name": REDEEMED, "campaign": campaign, "coupon": str(coupon)},
        )
        for row, (household, coupon, campaign, day) in enumerate(rows)
        if household in households
    ]
