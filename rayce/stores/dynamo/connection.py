"""The one place that talks to DynamoDB: names, batches, and errors turned into ours.

boto3 for most, the own wire for what the hot path asks; both fail in the same way.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import boto3
import botocore.session
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from msgspec.json import Decoder

from rayce.errors import Unavailable
from rayce.settings import DynamoSettings
from rayce.stores.dynamo.access import wire_to
from rayce.stores.dynamo.wire_values import Failure, GotMany, Page

T = TypeVar("T")
Item = dict[str, Any]

MAX_GET, MAX_WRITE, MAX_ROUNDS = 100, 25, 20


class Connection:
    """A boto3 client with short timeouts and no retries of its own, and a wire to the same endpoint."""

    def __init__(self, settings: DynamoSettings) -> None:
        self._prefix = settings.table_prefix
        timeout_s = settings.timeout_ms / 1000
        session = botocore.session.Session()
        self.client: Any = boto3.session.Session(botocore_session=session).client(
            "dynamodb",
            endpoint_url=settings.endpoint_url,
            region_name=settings.region,
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=settings.secret_access_key,
            config=Config(
                connect_timeout=timeout_s,
                read_timeout=timeout_s,
                retries={"total_max_attempts": 1},
                max_pool_connections=16,
                parameter_validation=False,
                proxies={} if settings.endpoint_url else None,
            ),
        )
        self.wire = wire_to(session, self.client.meta.endpoint_url, settings)
        self._steps: dict[Hashable, int] = {}

    def table(self, name: str) -> str:
        """The table's name in the account."""
        return self._prefix + name

    def call(self, operation: str, **arguments: Any) -> Any:
        """One call. `Unavailable` when it failed for the store's sake; a refused condition stays a `ClientError`."""
        try:
            return getattr(self.client, operation)(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in REFUSALS:
                raise
            raise Unavailable("dynamodb", str(error)) from None
        except BotoCoreError as error:
            raise Unavailable("dynamodb", str(error)) from None

    def ask(self, operation: str, body: bytes) -> bytes | bytearray:
        """`call` over the wire: encoded request in, encoded reply out. Only for what may be made twice."""
        try:
            reply = self.wire.ask(operation, body)
        except (OSError, BotoCoreError) as error:
            raise Unavailable("dynamodb", str(error) or type(error).__name__) from None
        if reply.status == 200:
            return reply.body
        raise _failure(operation, reply.status, reply.body) from None

    def get_many(
        self, name: str, keys: Iterable[Item], kind: Decoder[GotMany[T]], consistent: bool = True
    ) -> Iterator[T]:
        """The items that exist among `keys`, in no order."""
        table = self.table(name)
        for batch in batches(keys, MAX_GET):
            wanted: Any = {table: {"Keys": batch, "ConsistentRead": consistent}}
            for _round in range(MAX_ROUNDS):
                reply = decoded(self.ask("BatchGetItem", msgspec.json.encode({"RequestItems": wanted})), kind)
                yield from reply.responses.get(table, ())
                wanted = reply.unprocessed
                if not wanted:
                    break
            else:
                raise Unavailable("dynamodb", f"{table} keeps throttling reads")

    def scan(self, name: str, kind: Decoder[Page[T]], arguments: Item) -> Iterator[T]:
        """Every item of a scan, eventually consistent."""
        arguments = {"TableName": self.table(name), **arguments}
        while True:
            page = decoded(self.ask("Scan", msgspec.json.encode(arguments)), kind)
            yield from page.items
            if page.last is None:
                return
            arguments["ExclusiveStartKey"] = page.last

    def next_step(self, owner: Hashable) -> int:
        """Numbers an owner's saves: 1, 2, …; by one thread at a time for each owner."""
        self._steps[owner] = step = self._steps.get(owner, 0) + 1
        return step

    def write_many(self, name: str, requests: Iterable[Item]) -> None:
        """Unconditional puts and deletes (`{"PutRequest": …}`)."""
        table = self.table(name)
        for batch in batches(requests, MAX_WRITE):
            wanted: Any = {table: batch}
            for _round in range(MAX_ROUNDS):
                wanted = self.call("batch_write_item", RequestItems=wanted).get("UnprocessedItems")
                if not wanted:
                    break
            else:
                raise Unavailable("dynamodb", f"{table} keeps throttling writes")

    def pages(self, operation: str, name: str, **arguments: Any) -> Iterator[Item]:
        """Every item of a query or scan."""
        arguments["TableName"] = self.table(name)
        while True:
            reply = self.call(operation, **arguments)
            yield from reply["Items"]
            if "LastEvaluatedKey" not in reply:
                return
            arguments["ExclusiveStartKey"] = reply["LastEvaluatedKey"]


REFUSALS = {"ConditionalCheckFailedException", "TransactionCanceledException", "ResourceInUseException"}


class Part:
    """A part of the durable store over the shared connection."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection


def batches(entries: Iterable[T], size: int) -> Iterator[list[T]]:
    """The entries in lists of at most `size`."""
    iterator = iter(entries)
    while batch := list(islice(iterator, size)):
        yield batch


def decoded(body: bytes | bytearray, kind: Decoder[T]) -> T:
    """A reply's values; one that is not what DynamoDB promises counts as none."""
    try:
        return kind.decode(body)
    except msgspec.MsgspecError as error:
        raise Unavailable("dynamodb", f"unreadable reply: {error}") from None


def _failure(operation: str, status: int, body: bytes | bytearray) -> ClientError | Unavailable:
    """The same errors as boto3's, so that callers need not know which way they went."""
    try:
        told = msgspec.json.decode(body, type=Failure)
    except msgspec.MsgspecError:
        told = Failure()
    message = told.message or told.Message or ""
    if status < 500 and told.code in REFUSALS:
        reasons: Any = {"CancellationReasons": [{"Code": reason.code} for reason in told.reasons]}
        return ClientError({"Error": {"Code": told.code, "Message": message}, **reasons}, operation)
    return Unavailable("dynamodb", f"{operation}: {status} {told.code} {message}".rstrip())


def unique(names: Collection[str]) -> Sequence[str]:
    """Each name once, in order: DynamoDB refuses a batch that asks twice for one key."""
    return list(dict.fromkeys(names))
