"""`/v1/items`: the tenant's catalogue, durable once answered, and from then on in replies.

This replica's next reply knows of a change; the others are told and know within milliseconds.
"""

import asyncio

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.problems import Problem
from deployments.edge.requests import path_id, read_body, read_json, read_query, reply
from deployments.edge.schemas import ItemPatch, ItemsOut, Stored
from rayce.errors import InvalidInput, Unavailable
from rayce.ingest import split_rows
from rayce.item import Item, ItemIn, decode_item, encode_item, read_item
from rayce.item_changes import ItemChange, encode_item_change
from rayce.refusals import UNREADABLE, RowError, row_error
from rayce.stores.interfaces import ITEMS

MAX_ITEM_ID, MAX_ASKED = 128, 100


class ItemsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Query: item ids, separated by commas."""

    ids: str


async def put_items(edge: Edge, caller: Caller, request: Request) -> Response:
    """Many items: an array; good ones are stored, each bad one is named."""
    limits = edge.settings.edge
    try:
        raws = split_rows(await read_body(request, limits.max_body_bytes), False, limits.max_batch_events)
    except InvalidInput as error:
        raise Problem(413 if isinstance(error.value, int) else 422, str(error), error.key, error.value) from None
    items: dict[str, bytes] = {}
    errors: list[RowError] = []
    for index, raw in enumerate(raws):
        try:
            item = read_item(raw)
            items[item.item_id] = encode_item(item)
        except UNREADABLE as error:
            errors.append(row_error(index, bytes(raw), ItemIn, str(error)))
    if not items:
        first = errors[0]
        raise Problem(422, f"{first.path}: {first.message}", first.path, first.value, errors=errors)
    await _save(edge, caller.tenant, items)
    return reply(Stored(len(raws) - len(errors), errors))


async def put_item(edge: Edge, caller: Caller, request: Request) -> Response:
    """One item; its id is the one of the path."""
    item_id = path_id(request, "item_id", MAX_ITEM_ID)
    patch = await read_json(request, ItemPatch, edge.settings.edge.max_body_bytes)
    if patch.item_id not in (None, item_id):
        raise Problem(422, f"$.item_id: the path says {item_id!r}", "$.item_id", patch.item_id)
    item = msgspec.convert({**msgspec.structs.asdict(patch), "item_id": item_id}, Item)
    await _save(edge, caller.tenant, {item_id: encode_item(item)})
    return reply(item)


async def get_item(edge: Edge, caller: Caller, request: Request) -> Response:
    """One item; 404 where the tenant has none of that id."""
    item_id = path_id(request, "item_id", MAX_ITEM_ID)
    found = await _load(edge, caller.tenant, [item_id])
    if not found:
        raise Problem(404, "no such item", "item_id", item_id)
    return reply(found[0])


async def delete_item(edge: Edge, caller: Caller, request: Request) -> Response:
    """Takes an item out of the catalogue and returns what it was; 404 where the tenant has none of that id."""
    item_id = path_id(request, "item_id", MAX_ITEM_ID)
    found = await _load(edge, caller.tenant, [item_id])
    if not found:
        raise Problem(404, "no such item", "item_id", item_id)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(edge.executor, edge.durable.delete_items, caller.tenant, [item_id])
    await _tell(edge, caller.tenant, [item_id])
    return reply(found[0])


async def get_items(edge: Edge, caller: Caller, request: Request) -> Response:
    """The known ones among the ids asked for, in their order."""
    ids = [item_id for item_id in read_query(request, ItemsQuery).ids.split(",") if item_id]
    if not 1 <= len(ids) <= MAX_ASKED or any(len(item_id) > MAX_ITEM_ID for item_id in ids):
        raise Problem(422, f"ids: 1 to {MAX_ASKED} ids of at most {MAX_ITEM_ID} characters", "ids", len(ids))
    return reply(ItemsOut(await _load(edge, caller.tenant, ids)))


async def _save(edge: Edge, tenant: str, items: dict[str, bytes]) -> None:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(edge.executor, edge.durable.save_items, tenant, items)
    await _tell(edge, tenant, list(items))


async def _tell(edge: Edge, tenant: str, ids: list[str]) -> None:
    """All replicas, this one first. What fails is made good in the background: the items are durable."""
    loop = asyncio.get_running_loop()
    if edge.items is not None:
        try:
            await loop.run_in_executor(edge.executor, edge.items.look, tenant, ids)
        except Unavailable:
            edge.metrics.add("rayce_failures_total", 1, "dynamodb")
    try:
        await edge.log.write(ITEMS, [(tenant, encode_item_change(ItemChange(tenant, tuple(ids))))])
    except Unavailable:  # the others find it by reading the catalogue, within serving.items_poll_s
        edge.metrics.add("rayce_failures_total", 1, "kafka")


async def _load(edge: Edge, tenant: str, ids: list[str]) -> list[Item]:
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(edge.executor, edge.durable.load_items, tenant, ids)
    return [decode_item(found[item_id]) for item_id in dict.fromkeys(ids) if item_id in found]
