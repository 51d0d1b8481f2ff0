"""Warm memory in DynamoDB: what it does when the store is away, late, or has been tampered with."""

import socket
import uuid
from collections.abc import Callable, Iterator, Sequence

import msgspec
import pytest
from botocore.exceptions import ClientError

from rayce.consent import Consent
from rayce.errors import Fenced, InvalidInput, Unavailable
from rayce.settings import DynamoSettings, Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.dynamo.profiles import _transactions
from rayce.stores.dynamo.transaction import Left, Owner, encoded
from rayce.stores.interfaces import MAX_SAVE_BYTES, MAX_SAVES, Lease, Save


def somebody() -> str:
    return f"k1:{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def store(real_stack: Settings) -> DynamoStore:
    made = DynamoStore(msgspec.structs.replace(real_stack.dynamodb, timeout_ms=20_000, table_prefix="dynamo-"))
    made.create()
    return made


CALLS: dict[str, Callable[[DynamoStore], object]] = {
    "create": lambda store: store.create(),
    "acquire": lambda store: store.acquire(0),
    "load_profiles": lambda store: store.load_profiles([somebody()]),
    "save_profiles": lambda store: store.save_profiles(0, 1, [Save(somebody(), b"x", 1)]),
    "save_profiles with a tally": lambda store: store.save_profiles(0, 1, [Save(somebody(), b"x", 1)], b"tally"),
    "scan_profiles": lambda store: list(store.scan_profiles(0, 1)),
    "load_consents": lambda store: store.load_consents([somebody()]),
    "save_consent": lambda store: store.save_consent(somebody(), Consent(1, 1)),
    "save_items": lambda store: store.save_items("shop", {"p1": b"x"}),
    "load_items": lambda store: store.load_items("shop", ["p1"]),
    "all_items": lambda store: list(store.all_items("shop")),
    "issue": lambda store: store.issue("shop/shelf"),
    "were_live": lambda store: store.were_live("shop/shelf"),
    "publish": lambda store: store.publish("shop/shelf", {"a": b"x"}),
    "make_live": lambda store: store.make_live("shop/shelf", 1),
    "live": lambda store: store.live(),
    "load_generation": lambda store: store.load_generation("shop/shelf", 1),
    "numbers": lambda store: store.numbers("shop/shelf"),
    "prune": lambda store: store.prune("shop/shelf", 1),
    "unfinished": lambda store: store.unfinished("shop/shelf"),
    "delete_generation": lambda store: store.delete_generation("shop/shelf", 1),
    "drop_lists": lambda store: store.drop_lists(5, []),
    "save_note": lambda store: store.save_note("runs", "shop/train", b"x"),
    "load_notes": lambda store: store.load_notes("runs"),
    "save_lists": lambda store: store.save_lists(1, [(somebody(), b"x")]),
    "load_lists": lambda store: store.load_lists(1, [somebody()]),
}


def local(port: int) -> DynamoStore:
    """A store at a port of the loopback."""
    return DynamoStore(
        DynamoSettings(
            endpoint_url=f"http://127.0.0.1:{port}", access_key_id="local", secret_access_key="local", timeout_ms=20
        )
    )


@pytest.fixture(scope="module")
def absent() -> DynamoStore:
    return local(1)


@pytest.fixture(scope="module")
def silent() -> Iterator[DynamoStore]:
    """Takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        yield local(listening.getsockname()[1])


@pytest.fixture(scope="module")
def bare(real_stack: Settings) -> DynamoStore:
    """Has no tables."""
    prefix = f"none-{uuid.uuid4().hex}-"
    return DynamoStore(msgspec.structs.replace(real_stack.dynamodb, timeout_ms=20_000, table_prefix=prefix))


@pytest.mark.parametrize("call", CALLS)
def test_a_store_that_is_not_there_is_unavailable(absent: DynamoStore, call: str) -> None:
    with pytest.raises(Unavailable):
        CALLS[call](absent)


@pytest.mark.parametrize("call", CALLS)
def test_a_store_that_never_answers_is_unavailable(silent: DynamoStore, call: str) -> None:
    with pytest.raises(Unavailable):
        CALLS[call](silent)


@pytest.mark.parametrize("call", sorted(set(CALLS) - {"create"}))
def test_a_table_that_is_missing_is_unavailable(bare: DynamoStore, call: str) -> None:
    with pytest.raises(Unavailable):
        CALLS[call](bare)


@pytest.mark.parametrize("sizes", [[], [1], [1] * 250, [400_000] * 20, [MAX_SAVE_BYTES + 1] * 3, [1, 2_999_999, 1, 5]])
def test_transactions_are_bounded_in_number_and_bytes_and_keep_the_order(sizes: list[int]) -> None:
    saves = [Save(str(n), bytes(size), n) for n, size in enumerate(sizes)]
    batches = list(_transactions(saves))
    assert [save for batch in batches for save in batch] == saves
    for batch in batches:
        assert 1 <= len(batch) <= MAX_SAVES
        assert len(batch) == 1 or sum(len(save.state) for save in batch) <= MAX_SAVE_BYTES


def test_who_is_fenced_between_two_transactions_writes_nothing_after(store: DynamoStore) -> None:
    class Overtaken(DynamoStore):
        """Loses its partition after the first transaction."""

        def _transact(self, owner: Owner, body: bytes) -> bool:
            done = super()._transact(owner, body)
            store.acquire(owner.partition)
            return done

    overtaken = Overtaken.__new__(Overtaken)
    overtaken._db = store._db
    saves = [Save(somebody(), b"x", 1) for _ in range(250)]
    with pytest.raises(Fenced):
        overtaken.save_profiles(5, overtaken.acquire(5).epoch, saves)
    assert set(store.load_profiles([save.person for save in saves])) == {save.person for save in saves[:MAX_SAVES]}


def test_a_save_that_arrives_late_does_not_put_an_older_tally_back(store: DynamoStore) -> None:
    """The network may deliver a request after the one that was made for fear that it was lost, and after the next."""
    first, second = Save(somebody(), b"1", 1), Save(somebody(), b"2", 2)
    owner = Owner(31, store.acquire(31).epoch)
    late = encoded(store._db, owner, [first], Left(b"old", 1))
    store.save_profiles(31, owner.epoch, [first], b"old")
    store.save_profiles(31, owner.epoch, [second], b"new")
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        store._db.ask("TransactWriteItems", late)
    assert store.acquire(31).tally == b"new"


def test_a_lease_of_before_there_were_tallies_is_acquired(store: DynamoStore) -> None:
    store._db.call("put_item", TableName=store._db.table("leases"), Item={"part": {"N": "32"}, "epoch": {"N": "41"}})
    assert store.acquire(32) == Lease(42, b"")
    store.save_profiles(32, 42, [], b"tally")
    assert store.acquire(32) == Lease(43, b"tally")


class Dying(DynamoStore):
    """Dies before it writes a part whose name begins with `last`."""

    last = ""

    def _put(self, *arguments: object) -> object:  # type: ignore[override]
        if len(arguments) == 3 and str(arguments[1]).startswith(self.last):
            raise KeyboardInterrupt
        return super()._put(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("last", ["c#", "g#"])
def test_a_generation_whose_writer_died_does_not_exist(store: DynamoStore, last: str) -> None:
    name = f"t/{uuid.uuid4().hex}"
    dying = Dying.__new__(Dying)
    dying._db, dying.last = store._db, last
    with pytest.raises(KeyboardInterrupt):
        dying.publish(name, {"a": b"x", "b": b"y"})
    assert store.numbers(name) == []
    for call in (store.make_live, store.load_generation):
        with pytest.raises(InvalidInput, match="no complete generation"):
            call(name, 1)
    left = [1] if last == "g#" else []
    assert store.unfinished(name) == left
    assert store.publish(name, {"a": b"z"}) == 2
    assert store.unfinished(name) == left
    store.delete_generation(name, 1)
    assert (store.unfinished(name), store.numbers(name)) == ([], [2])


def _parts(store: DynamoStore, name: str) -> Sequence[str]:
    return list(store._parts(name, "c#"))


def test_a_generation_that_lacks_a_part_or_has_a_damaged_one_is_refused(store: DynamoStore) -> None:
    name = f"t/{uuid.uuid4().hex}"
    number = store.publish(name, {"a": b"contents"})
    (part,) = _parts(store, name)
    whole = store._get(name, part)
    for damage in (b"", b"not packed", (whole or b"")[:-3], store._get(name, "nothing")):
        if damage is not None:
            store._put(name, part, damage)
        else:
            store._db.write_many(
                "generations", [{"DeleteRequest": {"Key": {"name": {"S": name}, "part": {"S": part}}}}]
            )
        with pytest.raises(InvalidInput):
            store.load_generation(name, number)


def test_lists_end_by_themselves(store: DynamoStore) -> None:
    table = store._db.table("lists")
    told = store._db.call("describe_time_to_live", TableName=table)["TimeToLiveDescription"]
    assert (told["TimeToLiveStatus"], told["AttributeName"]) == ("ENABLED", "expires_s")
