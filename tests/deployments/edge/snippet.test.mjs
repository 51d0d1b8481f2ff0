// What docs/browser.md promises of rayce.js, on a page that is played (fake_page.mjs). Run by test_snippet.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Page } from "./fake_page.mjs";

const YES = { personalization: true, training: true, marketing: true };
const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("before consent nothing is queued, sent, stored or read", async () => {
  const page = new Page({ storage: { rayce: '{"id":"old","c":""}' } });
  assert.equal(page.rayce.track("view", ["p1"]), false);
  page.document.hidden = true;
  page.listeners.visibilitychange();
  page.listeners.pagehide();
  await page.pass(600000);
  assert.deepEqual([page.sent, page.touches], [[], []]);
});

test("a refusal by somebody unknown leaves no trace", async () => {
  const page = new Page();
  await page.rayce.consent({ personalization: false });
  page.rayce.track("view", ["p1"]);
  await page.pass(60000);
  assert.deepEqual([page.sent, page.storage], [[], {}]);
  assert.ok(!page.touches.includes("setItem"));
});

test("with consent an id is made, consent is recorded first, then events go as one batch", async () => {
  const page = new Page({ referrer: "https://www.google.de/search?q=secret" });
  assert.equal(await page.rayce.consent(YES), true);
  const { id } = page.record();
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.equal(page.rayce.track("view", ["p1"]), true);
  assert.equal(page.rayce.track("add_to_cart", [{ item_id: "p2", quantity: 2 }], { properties: { position: 1 } }), true);
  assert.equal(page.calls("/v1/beacon").length, 0, "not at once");
  await page.pass(2000);
  const [consent, beacon] = page.sent;
  assert.equal(consent.method + consent.url, `PUThttps://reco.shop.de/v1/users/${id}/consent`);
  assert.deepEqual(consent.body, YES);
  assert.equal(consent.headers.authorization, "Bearer browser-key");
  assert.deepEqual([beacon.body.key, beacon.type, beacon.credentials], ["browser-key", "text/plain", "omit"]);
  assert.deepEqual([beacon.body.timezone, beacon.body.referrer], ["Europe/Berlin", "www.google.de"]);
  assert.ok(!JSON.stringify(page.sent).includes("secret"), "no query of the page before");
  const [view, cart] = beacon.body.events;
  assert.deepEqual([view.type, view.items, view.user_id], ["view", [{ item_id: "p1" }], id]);
  assert.deepEqual([cart.items[0].quantity, cart.properties.position], [2, 1]);
  assert.match(view.event_id, UUID7);
  assert.notEqual(view.event_id, cart.event_id);
  assert.equal(parseInt(view.event_id.replace("-", "").slice(0, 12), 16), view.timestamp);
  assert.ok(!page.touches.includes("cookie"));
});

test("the next page knows the id once consent is said, and does not record the same consent again", async () => {
  const first = new Page();
  await first.rayce.consent(YES);
  const next = new Page({ storage: first.storage });
  await next.rayce.consent(YES);
  assert.equal(next.record().id, first.record().id);
  assert.equal(next.sent.length, 0);
  await next.rayce.consent({ personalization: true });
  assert.deepEqual(next.sent[0].body, { personalization: true, training: false, marketing: false });
});

test("withdrawal deletes the id, drops what waits and is recorded", async () => {
  const page = new Page();
  await page.rayce.consent(YES);
  const { id } = page.record();
  page.rayce.track("view", ["p1"]);
  await page.rayce.consent({ personalization: false });
  assert.deepEqual(page.storage, {});
  page.listeners.pagehide();
  await page.pass(60000);
  assert.deepEqual(page.events(), []);
  const last = page.sent.at(-1);
  assert.deepEqual([last.method, last.url.includes(id), last.body], ["PUT", true, {}]);
  assert.equal(page.rayce.track("view", ["p1"]), false);
});

test("a withdrawal that does not get through is told again, unless consent comes back", async () => {
  const page = new Page();
  await page.rayce.consent(YES);
  let tries = 0;
  page.answer = () => { tries += 1; return tries < 3 ? new Error("offline") : { status: 200, body: {} }; };
  await page.rayce.consent({});
  await page.pass(60000);
  assert.equal(tries, 3);
});

test("yes and no in quick succession: the last word is the last that is told", async () => {
  const page = new Page({ dataset: { user: "ada" } });
  page.answer = async () => { await page.settle(); return { status: 200, body: {} }; };
  page.rayce.consent(YES);
  await page.rayce.consent({ personalization: false });
  await page.pass(60000);
  assert.deepEqual(page.sent.at(-1).body, {});
  assert.deepEqual(page.storage, {});
});

test("global privacy control takes marketing and training away", async () => {
  const page = new Page({ gpc: true });
  await page.rayce.consent(YES);
  assert.deepEqual(page.sent[0].body, { personalization: true, training: false, marketing: false });
});

test("what is not taken is sent again with the same ids, later and later", async () => {
  const page = new Page();
  await page.rayce.consent(YES);
  const answers = [{ status: 503 }, new Error("offline"), { status: 202 }];
  page.answer = () => answers.shift();
  page.rayce.track("view", ["p1"]);
  await page.pass(2000);
  await page.pass(4000);
  assert.equal(page.calls("/v1/beacon").length, 2);
  await page.pass(60000);
  const ids = page.events().map((e) => e.event_id);
  assert.equal(ids.length, 3);
  assert.equal(new Set(ids).size, 1);
  await page.pass(600000);
  assert.equal(page.events().length, 3);
});

test("what the server refuses is not sent again", async () => {
  const page = new Page();
  await page.rayce.consent(YES);
  page.answer = () => ({ status: 422 });
  page.rayce.track("view", ["p1"]);
  await page.pass(600000);
  assert.equal(page.events().length, 1);
});

test("no event goes before the server has recorded the consent", async () => {
  const page = new Page();
  page.answer = () => ({ status: 503 });
  await page.rayce.consent(YES);
  page.rayce.track("view", ["p1"]);
  await page.pass(10000);
  assert.equal(page.events().length, 0);
  page.answer = () => ({ status: 202 });
  await page.pass(120000);
  assert.equal(page.events().length, 1);
});

test("a page that goes sends what waits as beacons, in pieces; without beacons by fetch", async () => {
  for (const beacons of [true, false]) {
    const page = new Page({ beacons });
    await page.rayce.consent(YES);
    for (let i = 0; i < 120; i++) page.rayce.track("view", ["p" + i]);
    page.document.hidden = true;
    page.listeners.visibilitychange();
    page.listeners.pagehide();
    const sent = page.calls("/v1/beacon");
    assert.deepEqual(sent.map((s) => s.body.events.length), [50, 50, 20]);
    assert.ok(sent.every((s) => (beacons ? s.beacon : s.keepalive)));
  }
});

test("the queue is bounded", async () => {
  const page = new Page();
  await page.rayce.consent(YES);
  let taken = 0;
  for (let i = 0; i < 500; i++) taken += page.rayce.track("view", ["p"]);
  assert.equal(taken, 200);
});

test("a session ends after half an hour of nothing", async () => {
  const page = new Page();
  await page.rayce.consent(YES);
  page.rayce.track("view", ["p1"]);
  await page.pass(29 * 60000);
  page.rayce.track("view", ["p2"]);
  await page.pass(31 * 60000);
  page.rayce.track("view", ["p3"]);
  await page.pass(5000);
  const [a, b, c] = page.events().map((e) => e.session_id);
  assert.equal(a, b);
  assert.notEqual(b, c);
});

test("recommendations are contextual without consent and personal with it", async () => {
  const page = new Page({ referrer: "https://www.bing.com/" });
  page.answer = () => ({ status: 200, body: { items: [{ item_id: "p9" }], served: "live" } });
  const reply = await page.rayce.recommendations({ slot: "home", limit: 4 });
  assert.equal(reply.items[0].item_id, "p9");
  assert.deepEqual(page.sent[0].body, { slot: "home", limit: 4 });
  assert.deepEqual(Object.keys(page.sent[0].headers), ["authorization", "content-type"], "nothing read of the device");
  await page.rayce.consent(YES);
  await page.rayce.recommendations({ slot: "home" });
  const last = page.sent.at(-1);
  assert.equal(last.body.user_id, page.record().id);
  assert.deepEqual([last.headers["rayce-timezone"], last.headers["rayce-referrer"]], ["Europe/Berlin", "www.bing.com"]);
});

test("late, broken or refused: the page gets its fallback", async () => {
  const page = new Page();
  const items = [{ item_id: "p1" }, { item_id: "p2" }];
  for (const answer of [() => new Error("offline"), () => ({ status: 503 }), () => ({ status: 401 }), () => new Promise(() => {})]) {
    page.answer = answer;
    const wish = page.rayce.recommendations({ fallback: ["p1", "p2"], timeout: 300 });
    const slots = page.rayce.decisions({ slots: ["banner"], fallback: { banner: { payload: "x" } }, timeout: 300 });
    await page.pass(300);
    assert.deepEqual(JSON.parse(JSON.stringify(await wish)), { items, served: "client", personal: false });
    assert.deepEqual(JSON.parse(JSON.stringify(await slots)), { decisions: { banner: { payload: "x" } }, served: "client" });
  }
  assert.ok(page.sent.every((s) => !("fallback" in s.body) && !("timeout" in s.body)));
});

test("an item seen by half for a second is one impression, a glance is none", async () => {
  const page = new Page();
  await page.rayce.consent(YES);
  const [seen, glance] = ["p1", "p2"].map((item) => ({ dataset: { item } }));
  page.rayce.impressions([seen, glance], { position: 1 });
  const [watch] = page.observers;
  assert.equal(watch.how.threshold, 0.5);
  watch.tell([{ target: seen, isIntersecting: true }, { target: glance, isIntersecting: true }]);
  await page.pass(500);
  watch.tell([{ target: glance, isIntersecting: false }]);
  await page.pass(5000);
  assert.deepEqual(page.events().map((e) => [e.type, e.items[0].item_id, e.properties.position]), [["impression", "p1", 1]]);
  assert.deepEqual([...watch.seen], [glance]);
});

test("storage that is blocked breaks nothing", async () => {
  const page = new Page();
  Object.defineProperty(page, "storage", { get() { throw new Error("blocked"); } });
  assert.equal(await page.rayce.consent(YES), true);
  assert.equal(page.rayce.track("view", ["p1"]), true);
  await page.pass(2000);
  assert.equal(page.events().length, 1);
  await page.rayce.consent({});
});
