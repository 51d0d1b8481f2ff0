"""Makes what a cluster needs in its stores before anything starts: tables and topics. Harmless when all is there."""

from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.kafka_log import create_topics


def prepare_stores(settings: Settings) -> None:
    """Make the missing tables and topics. `Unavailable` where a store does not answer."""
    DynamoStore(settings.dynamodb).create()
    create_topics(settings.kafka)
