"""`rayce.js` as it is served: small, cacheable, and keeping the promises of docs/browser.md (`snippet.test.mjs`)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deployments.edge.snippet import Snippet, without_spaces
from tests.deployments.asgi import call
from tests.deployments.shop import Shop

HERE = Path(__file__).parent
MOST_BYTES = 4_096


def node() -> str:
    """Where node is. Missing: skip on a laptop, fail in CI."""
    found = shutil.which("node")
    if found is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("CI has to have node")
        pytest.skip("node is not there")
    return found


def run_promises(script: bytes, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "rayce.js"
    file.write_bytes(script)
    command = [node(), "--test", str(HERE / "snippet.test.mjs")]
    environment = {**os.environ, "RAYCE_JS": str(file)}
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment)


@pytest.mark.anyio
async def test_anybody_may_load_and_keep_it(shop: Shop) -> None:
    reply = await call(shop.app, "GET", "/rayce.js")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert reply.headers["cache-control"].startswith("public, max-age=")
    again = await call(shop.app, "GET", "/rayce.js", headers={"if-none-match": reply.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_it_is_small() -> None:
    assert len(Snippet().body) <= MOST_BYTES


def test_it_keeps_its_promises(tmp_path: Path) -> None:
    ran = run_promises(Snippet().body, tmp_path)
    assert ran.returncode == 0, ran.stdout[-6_000:]


MUTANTS = {
    "stores before consent": (b"let me=null", b'localStorage.setItem("x","y");let me=null'),
    "sends without consent": (b"if(!me||queue.length>199)return false;", b"me=me||{id:'x',c:want};"),
    "keeps the id": (b"localStorage.removeItem(KEY)", b"0"),
    "keeps the queue": (b"me=null;queue=[];", b"queue=queue;"),
    "ignores privacy control": (b"!n.globalPrivacyControl&&", b""),
    "gives up": (b"queue=events.concat(queue)", b"queue=queue"),
    "waits for ever": (b"stop.abort()", b"0"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_snippet_that_breaks_a_promise_is_caught(name: str, tmp_path: Path) -> None:
    before, after = MUTANTS[name]
    script = Snippet().body
    assert before in script
    assert run_promises(script.replace(before, after), tmp_path).returncode != 0


def test_what_is_in_quotes_stays_as_it_is() -> None:
    assert without_spaces('const a = "x  // y" ; // gone\n f(`a  b`)') == 'const a="x  // y";f(`a  b`)'
