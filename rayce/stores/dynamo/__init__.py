"""Warm, durable memory in DynamoDB: one class over four tables' worth of small modules."""

from rayce.settings import DynamoSettings
from rayce.stores.dynamo.connection import Connection
from rayce.stores.dynamo.consents import Consents
from rayce.stores.dynamo.generations import Generations
from rayce.stores.dynamo.items import Items
from rayce.stores.dynamo.lists import Lists
from rayce.stores.dynamo.profiles import Profiles
from rayce.stores.dynamo.tables import create_tables


class DynamoStore(Profiles, Consents, Items, Generations, Lists):
    """`Durable` on DynamoDB (AWS or DynamoDB Local). Blocking; safe to share among threads."""

    def __init__(self, settings: DynamoSettings) -> None:
        super().__init__(Connection(settings))

    def create(self) -> None:
        """Make the tables that are missing and wait until they can be used."""
        create_tables(self._db)
