"""What commands open: durable memory, the catalogue of the settings, the features that are on. An error ends the command."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from rayce.commands.refusing import fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from rayce.features.feature_set import FeatureSet
    from rayce.segments.catalogue import Catalogue
    from rayce.settings import Settings
    from rayce.stores.interfaces import Durable


def durable(path: Path | None) -> "Durable":
    """Durable memory."""
    from rayce.errors import InvalidInput
    from rayce.settings import load_settings
    from rayce.stores.dynamo import DynamoStore

    try:
        loaded = load_settings(path)
        return DynamoStore(loaded.dynamodb, _flipped(loaded))
    except InvalidInput as error:
        fail(error)


def _flipped(settings: "Settings") -> "Callable[[str, int], None]":
    """Tells every process what was made live."""
    import time

    from rayce.stores.kafka_models import FlipWriter

    return FlipWriter(settings.kafka, lambda: time.time_ns() // 1_000_000, lambda reason: typer.echo(reason, err=True))


def stores(path: Path | None) -> "tuple[Durable, Catalogue]":
    """Durable memory, and the catalogue that counts until one is activated."""
    from rayce.errors import InvalidInput
    from rayce.segments.catalogue import load_catalogue
    from rayce.settings import load_settings
    from rayce.stores.dynamo import DynamoStore

    try:
        loaded = load_settings(path)
        return DynamoStore(loaded.dynamodb, _flipped(loaded)), load_catalogue(loaded.segments.catalogue, features(path))
    except InvalidInput as error:
        fail(error)


def features(path: Path | None) -> "FeatureSet":
    """The features that are on."""
    from rayce.errors import InvalidInput
    from rayce.features.catalogue import load_features
    from rayce.settings import load_settings

    try:
        return load_features(load_settings(path).features.catalogue)
    except InvalidInput as error:
        fail(error)
