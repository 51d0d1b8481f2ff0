"""The last decisions: the newest, as many as wanted, read backwards no further than needed."""

from collections.abc import Iterator, Mapping

from rayce.decision import VERSION, Decision, encode_decision
from rayce.recent_decisions import recent_decisions
from rayce.stores.interfaces import Record


class FakeReader:
    """Partitions in memory; counts what is read."""

    def __init__(self, partitions: list[list[bytes]]) -> None:
        self.partitions = partitions
        self.next = dict.fromkeys(range(len(partitions)), 0)
        self.read = 0

    def begin(self, partition: int, offset: int) -> None:
        self.next[partition] = offset

    def end(self) -> dict[int, int]:
        return {partition: len(records) for partition, records in enumerate(self.partitions)}

    def read_until(self, end: Mapping[int, int]) -> Iterator[Record]:
        for partition, upto in end.items():
            for offset in range(self.next[partition], upto):
                self.read += 1
                yield Record(partition, offset, self.partitions[partition][offset])


def decision(at_ms: int, tenant: str = "shop") -> bytes:
    return encode_decision(
        Decision(version=VERSION, decision_id="d", kind="recommendation", tenant=tenant, at_ms=at_ms)
    )


def of_shop(found: Decision) -> bool:
    return found.tenant == "shop"


def test_the_newest_come_in_order_of_their_moments_over_all_partitions() -> None:
    reader = FakeReader([[decision(at) for at in range(0, 1_000, 2)], [decision(at) for at in range(1, 1_000, 2)]])
    assert [found.at_ms for found in recent_decisions(reader, of_shop, 50)] == list(range(950, 1_000))
    assert reader.read == 200


def test_rare_ones_are_looked_for_further_back_but_not_without_end() -> None:
    log = [decision(at, "shop" if at % 500 == 0 else "other") for at in range(5_000)]
    assert [found.at_ms for found in recent_decisions(FakeReader([log]), of_shop, 3)] == [3_500, 4_000, 4_500]
    bounded = FakeReader([log])
    assert len(recent_decisions(bounded, of_shop, 100, max_read=600)) < 10
    assert bounded.read < 5_000
    whole = FakeReader([log])
    assert len(recent_decisions(whole, of_shop, 100)) == 10 and whole.read == 5_000


def test_an_empty_log_and_records_that_cannot_be_read_do_no_harm() -> None:
    assert recent_decisions(FakeReader([[], []]), of_shop, 5) == []
    log = [b"{", decision(1), b'{"kind": "hat"}']
    assert [found.at_ms for found in recent_decisions(FakeReader([log, []]), of_shop, 5)] == [1]
