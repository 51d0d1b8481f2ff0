"""What `rayce import` and `rayce export` work with: settings, the tenant, the stores. An error ends the command."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from msgspec.structs import replace

from rayce.api_keys import live_keys
from rayce.commands.refusing import fail
from rayce.errors import InvalidSettings, RayceError
from rayce.generations import generation_name
from rayce.importing.one_at_a_time import one_at_a_time
from rayce.item import decode_item
from rayce.item_changes import ItemChange, encode_item_change
from rayce.item_words import SHELF, ItemWords, load_shelf, words_of
from rayce.pseudonym import Pseudonymizer
from rayce.settings import Settings, load_settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import ITEMS, Durable
from rayce.stores.kafka_log import LogReader, LogWriter

if TYPE_CHECKING:
    from rayce.importing.kafka_event_log import KafkaEventLog

PATIENCE_MS = 30_000
"""Who imports has time: a busy durable store is waited for."""
_POLL_RECORDS = 5_000
_LOCKS = "~/.rayce"
"""Where the lock of an import lies when jobs keep nothing."""
_NAMED = 20


def opened_settings(path: Path | None) -> Settings:
    """The settings."""
    try:
        return load_settings(path)
    except RayceError as error:
        fail(error)


def tenant_of(settings: Settings, said: str | None) -> str:
    """The tenant that is said, or the only one that the API keys name. No tenant has a `/` in its name."""
    tenants = sorted({key.tenant for key in settings.edge.api_keys.values()})
    if said is None and len(tenants) != 1:
        message = f"--tenant is needed: the API keys name {', '.join(tenants) or 'none'}"
        fail(InvalidSettings(message, "edge.api_keys", tenants))
    tenant = tenants[0] if said is None else said
    if not tenant or "/" in tenant:
        fail(InvalidSettings(f"no tenant is called {tenant!r}", "--tenant", tenant))
    return tenant


def check_tenant(settings: Settings, tenant: str, durable: Durable | None) -> None:
    """Refuses a tenant that no API key names, of the settings or added since; where there are no keys, none.

    Without `durable` (a dry run) nobody knows which were added: then it is only said.
    """
    known = {key.tenant for key in settings.edge.api_keys.values()}
    if tenant in known:
        return
    if durable is not None:
        known |= {key.tenant for key in live_keys(durable).values()}
    if not known or tenant in known:
        return
    where, names = " of the settings" if durable is None else "", ", ".join(sorted(known)[:_NAMED])
    message = f"no API key{where} names the tenant {tenant!r} (there are {names}): if it is a new one, say --new-tenant"
    if durable is not None:
        raise InvalidSettings(message, "--tenant", tenant)
    typer.echo(message, err=True)


def only_import(settings: Settings, tenant: str) -> AbstractContextManager[None]:
    """Keeps other imports of the tenant into these stores off, on this machine; `InvalidInput` where one is at work."""
    stores = settings.dynamodb
    folder = Path(settings.batch.work_path or _LOCKS).expanduser()
    return one_at_a_time(folder, tenant, f"{stores.endpoint_url}/{stores.region}/{stores.table_prefix}")


def opened_durable(settings: Settings) -> Durable:
    """Durable memory, with patience."""
    return DynamoStore(replace(settings.dynamodb, timeout_ms=max(settings.dynamodb.timeout_ms, PATIENCE_MS)))


def opened_pseudonymizer(settings: Settings) -> Pseudonymizer:
    """Who people are to the log."""
    try:
        return Pseudonymizer(settings.privacy.current_key, settings.privacy.pseudonym_keys)
    except RayceError as error:
        fail(error)


def opened_log(settings: Settings) -> "KafkaEventLog":
    """The log, to write to and to look what has arrived."""
    from rayce.importing.kafka_event_log import KafkaEventLog

    try:
        reader = LogReader(settings.kafka, range(settings.kafka.partitions), _POLL_RECORDS)
    except RayceError as error:
        fail(error)
    return KafkaEventLog(LogWriter(settings.kafka), reader)


def opened_reader(settings: Settings, partition: int) -> LogReader:
    """One partition of the log."""
    return LogReader(settings.kafka, (partition,), _POLL_RECORDS)


def words_of_items(durable: Durable, tenant: str) -> ItemWords:
    """Category and brand by item: the live shelf's, and the catalogue's for what is not on it."""
    found = {item_id: words_of(decode_item(body)) for item_id, body in durable.all_items(tenant)}
    name = generation_name(tenant, SHELF)
    number = durable.live(name).get(name)
    if number is not None:
        found.update(load_shelf(durable.load_generation(name, number)).words)
    return found


def item_saver(settings: Settings, durable: Durable, tenant: str) -> Callable[[Mapping[str, bytes]], None]:
    """Makes items durable, and tells every process which changed; where the log is away they find it by themselves."""
    writer = LogWriter(settings.kafka)

    def save(items: Mapping[str, bytes]) -> None:
        durable.save_items(tenant, items)
        try:
            writer.write_now(ITEMS, encode_item_change(ItemChange(tenant, tuple(items))), key=tenant.encode())
        except RayceError as error:
            typer.echo(f"the items are saved, but nobody was told: {error}", err=True)

    return save


def clock_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
