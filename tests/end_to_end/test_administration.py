"""The administration over real servers: what is put is in force everywhere a moment later, and taken back it is not."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from benchmarks.synthetic_shop import patient_store
from cluster.local_cluster import LocalCluster
from rayce.api_keys import add_key, hash_of
from rayce.settings import ApiKey
from tests.end_to_end.test_loop import eventually

pytestmark = [pytest.mark.timeout(180), pytest.mark.anyio]

RULES = """\
version: 1
rules:
  - {name: none-of-group-one, items: {category: [group1]}, filter: drop}
"""


class Office:
    """Somebody who administers a shop, by HTTP."""

    def __init__(self, cluster: LocalCluster) -> None:
        self._url, self.page_key, self.key = cluster.url, cluster.api_key, f"an administrator's key {time.time_ns()}"
        row = ApiKey(hash_of(self.key), "demo", ("admin",))
        add_key(patient_store(cluster.settings), f"office-{time.time_ns()}", row, time.time_ns() // 1_000_000)

    def call(self, method: str, path: str, body: bytes | None = None, key: str | None = None) -> tuple[int, bytes]:
        """Status and body."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        request = urllib.request.Request(self._url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=15) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def done(self, method: str, path: str, body: bytes | None = None, status: int = 200) -> Any:
        """The reply of a call that must work."""
        found, reply = self.call(method, path, body)
        assert found == status, reply
        return json.loads(reply)

    def shown(self) -> set[int]:
        """Groups of the products that somebody unknown is shown."""
        reply = self.call("POST", "/v1/recommendations", b'{"limit": 10}', self.page_key)[1]
        return {int(item["item_id"][1:]) % 4 for item in json.loads(reply)["items"]}


@pytest.fixture
async def office(cluster: LocalCluster) -> Office:
    opened = Office(cluster)
    await eventually(lambda: all(opened.call("GET", "/admin/keys")[0] == 200 for _each_replica in range(20)), 30)
    return opened


async def test_rules_are_in_force_a_moment_after_they_were_put_and_not_when_taken_back(office: Office) -> None:
    office.done("PUT", "/admin/rules", b"version: 1\nrules: []\n")
    assert 1 in office.shown()
    dry = office.done("PUT", "/admin/rules?dry_run=true", RULES.encode())
    put = office.done("PUT", "/admin/rules", RULES.encode())
    assert (dry["is_live"], put["is_live"], put["before"]) == (False, True, dry["generation"])
    await eventually(lambda: 1 not in office.shown(), 30)
    assert office.call("GET", "/admin/rules") == (200, RULES.encode())
    assert office.done("POST", "/admin/rules/rollback")["generation"] == put["before"]
    await eventually(lambda: 1 in office.shown(), 30)
    assert office.done("PUT", "/admin/generations/rules", json.dumps({"number": put["generation"]}).encode())
    await eventually(lambda: 1 not in office.shown(), 30)
    office.done("PUT", "/admin/rules", b"version: 1\nrules: []\n")
    await eventually(lambda: 1 in office.shown(), 30)
    kinds = {each["kind"]: each for each in office.done("GET", "/admin/generations")["generations"]}
    assert kinds["shelf"]["live"] == kinds["shelf"]["loaded"] and kinds["rules"]["live"] > put["generation"]


async def test_a_key_opens_soon_after_it_was_made_and_closes_soon_after_it_was_taken_away(office: Office) -> None:
    body = json.dumps({"name": f"app-{time.time_ns()}", "scopes": ["page"]}).encode()
    made = office.done("POST", "/admin/keys", body, 201)
    await eventually(lambda: office.call("GET", "/v1/trending", key=made["key"])[0] == 200, 30)
    await eventually(lambda: office.call("GET", "/admin/keys", key=made["key"])[0] == 403, 30)  # perhaps another edge
    office.done("DELETE", f"/admin/keys/{made['name']}")
    await eventually(lambda: office.call("GET", "/v1/trending", key=made["key"])[0] == 401, 30)


async def test_a_purge_is_known_to_every_edge(office: Office) -> None:
    number = office.done("POST", "/admin/purge", b'{"everything": true}')["generation"]

    def loaded() -> Any:
        found = office.done("GET", "/admin/generations")["generations"]
        return next(each["loaded"] for each in found if each["kind"] == "purge")

    await eventually(lambda: loaded() == number, 30)


async def test_no_page_key_gets_in(office: Office) -> None:
    assert office.call("GET", "/admin/rules", key=office.page_key)[0] == 403
    assert office.call("PUT", "/admin/rules", b"version: 1\nrules: []", office.page_key)[0] == 403
    assert office.call("GET", "/admin/openapi.json")[0] == 200
