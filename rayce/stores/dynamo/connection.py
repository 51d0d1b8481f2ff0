"""The one place that talks to boto3: names, batches, and errors turned into ours."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from rayce.errors import Unavailable
from rayce.settings import DynamoSettings

T = TypeVar("T")
Item = dict[str, Any]

MAX_GET, MAX_WRITE, MAX_ROUNDS = 100, 25, 20


class Connection:
    """A boto3 client with short timeouts and no retries of its own."""

    def __init__(self, settings: DynamoSettings) -> None:
        self._prefix = settings.table_prefix
        timeout_s = settings.timeout_ms / 1000
        self.client: Any = boto3.session.Session().client(
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

    def get_many(self, name: str, keys: Iterable[Item], consistent: bool = True) -> Iterator[Item]:
        """The items that exist among `keys`, in no order."""
        table = self.table(name)
        for batch in batches(keys, MAX_GET):
            wanted: Any = {table: {"Keys": batch, "ConsistentRead": consistent}}
            for _round in range(MAX_ROUNDS):
                reply = self.call("batch_get_item", RequestItems=wanted)
                yield from reply["Responses"].get(table, ())
                wanted = reply.get("UnprocessedKeys")
                if not wanted:
                    break
            else:
                raise Unavailable("dynamodb", f"{table} keeps throttling reads")

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


def found_by(items: Iterable[Item], key: str, value: Callable[[Item], T]) -> dict[str, T]:
    """Items as a map from a string attribute."""
    return {item[key]["S"]: value(item) for item in items}


def unique(names: Collection[str]) -> Sequence[str]:
    """Each name once, in order: DynamoDB refuses a batch that asks twice for one key."""
    return list(dict.fromkeys(names))
