"""What travels between the edge and its replicas arrives as it was sent."""

from hypothesis import given
from hypothesis import strategies as st

from deployments.asks import (
    RankAsk,
    Ranking,
    RankReply,
    ReadAsk,
    ReadReply,
    decode_rank_asks,
    decode_rank_replies,
    decode_read_asks,
    decode_read_replies,
    encode_asks,
    encode_rank_replies,
    encode_read_replies,
)
from rayce.candidates import Wish
from rayce.circumstances import Circumstances
from rayce.ranking import Ranked

words, numbers, bodies = st.text(max_size=8), st.integers(0, 2**53), st.none() | st.binary(max_size=20)
wishes = st.builds(Wish, limit=st.integers(1, 100), exclude=st.lists(words, max_size=3).map(tuple))
scores = st.floats(allow_nan=False)
ranked = st.builds(
    Ranked,
    item_id=words,
    score=scores,
    source=words,
    because=st.none() | words,
    rules=st.lists(words, max_size=2).map(tuple),
    after_rules=st.none() | scores,
    factors=st.none() | st.dictionaries(words, scores, max_size=2),
    propensity=st.floats(0, 1),
    is_tried=st.booleans(),
)
pools = st.lists(st.tuples(words, scores), max_size=3)
rankings = st.builds(Ranking, st.lists(ranked, max_size=4), words, numbers, numbers, words, pools)
circumstances = st.builds(Circumstances, words, st.lists(st.tuples(words, words), max_size=2).map(tuple))
rank_asks = st.builds(
    RankAsk, words, bodies, bodies, wishes, numbers, words, numbers, circumstances, st.booleans(), st.booleans()
)


@given(st.lists(st.builds(ReadAsk, words, numbers, numbers)))
def test_read_asks(asks: list[ReadAsk]) -> None:
    assert decode_read_asks(encode_asks(asks)) == asks


@given(st.lists(st.none() | st.builds(ReadReply, numbers, bodies, bodies)))
def test_read_replies(replies: list[ReadReply | None]) -> None:
    assert decode_read_replies(encode_read_replies(replies)) == replies


@given(st.lists(rank_asks))
def test_rank_asks(asks: list[RankAsk]) -> None:
    assert decode_rank_asks(encode_asks(asks)) == asks
    assert len({*asks}) <= len(asks), "they can be keys"


@given(st.lists(st.none() | rankings))
def test_rank_replies(replies: list[RankReply]) -> None:
    found = decode_rank_replies(encode_rank_replies(replies))
    assert found == replies
    for sent, came in zip(replies, found, strict=True):
        if sent is not None and came is not None:
            assert (came.model, came.generation) == (sent.model, sent.generation)


def test_an_empty_ranking_is_a_ranking() -> None:
    (found,) = decode_rank_replies(encode_rank_replies([Ranking([], "default", 3)]))
    assert found is not None and found.model == "default"
