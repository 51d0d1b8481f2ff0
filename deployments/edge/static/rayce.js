// rayce.js: events, recommendations and decisions of a page; consent first. Manual: docs/browser.md
// It is served without comments and needless spaces (snippet.py), and has to stay within 4 kB so: no regular expressions.
(() => {
  "use strict";
  const d = document, n = navigator, tag = d.currentScript, own = tag.dataset, json = JSON.stringify, no = () => false,
    url = own.url || new URL(tag.src).origin, beacon = url + "/v1/beacon", KEY = "rayce";
  // me: who has consented, {id, c: what the server has recorded, s: session, t: ms of the last event}; null for nobody.
  let me = null, want = "", queue = [], chain = Promise.resolve(), timer = 0, wait = 2e3;

  const hex = (k) => Array.from(crypto.getRandomValues(new Uint8Array(k)), (b) => (b + 256).toString(16).slice(1)).join("");
  const uuid7 = (ms) => { // RFC 9562, section 5.7
    const t = ms.toString(16).padStart(12, "0"), r = hex(10);
    return `${t.slice(0, 8)}-${t.slice(8)}-7${r.slice(0, 3)}-${"89ab"[parseInt(r[3], 16) & 3]}${r.slice(4, 7)}-${r.slice(7, 19)}`;
  };
  const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  const from = () => d.referrer && new URL(d.referrer).hostname;
  const keep = () => { try { localStorage.setItem(KEY, json(me)); } catch (e) {} }; // no storage: for this page only
  const call = (method, path, body, more) => fetch(url + path, Object.assign({
    method, body, credentials: "omit", headers: Object.assign({ authorization: "Bearer " + own.key, "content-type": "application/json" },
      me && { "rayce-timezone": zone(), "rayce-referrer": from() }),
  }, more));

  // One after the other, so that the last word counts. True once the server has it.
  const tell = (id, c) => chain = chain.then(() => call("PUT", `/v1/users/${encodeURIComponent(id)}/consent`, c, { keepalive: true }))
    .then((r) => r.ok, no);
  const told = async () => {
    const who = me, c = want;
    if (who.c !== c && await tell(who.id, c)) { who.c = c; if (who === me) keep(); }
    return who === me && who.c === want;
  };
  const withdraw = async (id, tries) => {
    if (!(me && me.id === id) && !await tell(id, "{}") && tries) setTimeout(withdraw, wait, id, tries - 1);
  };
  const consent = async (given) => {
    let was = me;
    try { was = was || JSON.parse(localStorage.getItem(KEY)); } catch (e) {}
    const id = own.user || was && was.id, may = (p) => !n.globalPrivacyControl && !!given[p];
    if (given && given.personalization) {
      want = json({ personalization: true, training: may("training"), marketing: may("marketing") });
      me = was && was.id === id ? was : { id: id || hex(16) };
      keep();
      return told();
    }
    me = null; queue = [];
    try { localStorage.removeItem(KEY); } catch (e) {}
    if (id) await withdraw(id, 5);
  };

  const pack = () => {
    const events = queue.splice(0, 50);
    return { events, body: new Blob([json({ key: own.key, events, timezone: zone(), referrer: from() })], { type: "text/plain" }) };
  };
  const post = (body) => fetch(beacon, { method: "POST", body, keepalive: true, credentials: "omit" });
  const later = () => { timer = timer || setTimeout(flush, wait); };
  const flush = async () => {
    const who = me;
    let r = no;
    if (me && queue.length && await told()) {
      const { events, body } = pack();
      r = await post(body).catch(no);
      if ((!r || r.status > 499 || r.status === 429) && who === me) queue = events.concat(queue);
    }
    timer = 0;
    wait = r.ok ? 2e3 : Math.min(wait * 2, 6e4);
    if (queue.length) later();
  };
  const leave = () => {
    while (queue.length) {
      const { body } = pack();
      if (!n.sendBeacon || !n.sendBeacon(beacon, body)) post(body).catch(no);
    }
  };
  d.addEventListener("visibilitychange", () => d.hidden && leave());
  addEventListener("pagehide", leave);
  const track = (type, items, more) => {
    if (!me || queue.length > 199) return false;
    const now = Date.now();
    if (!(now - me.t < 18e5)) me.s = hex(16);
    me.t = now; keep();
    queue.push(Object.assign({ type, event_id: uuid7(now), user_id: me.id, session_id: me.s, timestamp: now,
      items: (items || []).map((i) => i.item_id ? i : { item_id: i }) }, more));
    later();
    return true;
  };

  const ask = async (path, wish, spare) => {
    const o = Object.assign({}, wish, me && { user_id: me.id }), stop = new AbortController(),
      clock = setTimeout(() => stop.abort(), o.timeout || 800);
    delete o.timeout; delete o.fallback;
    try {
      const r = await call("POST", path, json(o), { signal: stop.signal });
      return r.ok ? await r.json() : spare;
    } catch (e) { return spare; } finally { clearTimeout(clock); }
  };
  const impressions = (elements, properties) => {
    const clocks = new Map();
    if (!me) return;
    const watch = new IntersectionObserver((all) => all.forEach(({ target, isIntersecting }) => {
      clearTimeout(clocks.get(target));
      if (isIntersecting) clocks.set(target, setTimeout(() => {
        watch.unobserve(target);
        track("impression", [target.dataset.item], { properties });
      }, 1e3));
    }), { threshold: .5 });
    elements.forEach((e) => watch.observe(e));
  };

  window.rayce = {
    consent, track, impressions, flush,
    recommendations: (o = {}) => ask("/v1/recommendations", o,
      { items: (o.fallback || []).map((i) => ({ item_id: i })), served: "client", personal: false }),
    decisions: (o = {}) => ask("/v1/decisions", o, { decisions: o.fallback || {}, served: "client" }),
  };
})();
