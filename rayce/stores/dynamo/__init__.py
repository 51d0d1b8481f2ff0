"""Warm, durable memory in DynamoDB: one class over four tables' worth of small modules."""

from collections.abc import Callable

from rayce.settings import DynamoSettings
from rayce.stores.dynamo.connection import Connection
from rayce.stores.dynamo.consents import Consents
from rayce.stores.dynamo.generations import Generations
from rayce.stores.dynamo.items import Items
from rayce.stores.dynamo.lists import Lists
from rayce.stores.dynamo.notes import Notes
from rayce.stores.dynamo.profiles import Profiles
from rayce.stores.dynamo.tables import create_tables


class DynamoStore(Profiles, Consents, Items, Generations, Lists, Notes):
    """`Durable` on DynamoDB (AWS or DynamoDB Local). Blocking; safe to share among threads."""

    def __init__(
        self, settings: DynamoSettings, flipped: Callable[[str, int], None] = lambda name, number: None
    ) -> None:
        """`flipped` is told what was made live, once it is."""
        super().__init__(Connection(settings))
        self._flipped = flipped

    def make_live(self, name: str, number: int) -> None:
        """See `DurableGenerations.make_live`."""
        super().make_live(name, number)
        self._flipped(name, number)

    def create(self) -> None:
        """Make the tables that are missing and wait until they can be used."""
        create_tables(self._db)
