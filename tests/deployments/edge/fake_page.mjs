// A page without a browser: just what rayce.js touches, with a clock that the test turns and a server that it plays.
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
import vm from "node:vm";

const source = readFileSync(process.env.RAYCE_JS, "utf8");

export class Page {
  constructor({ storage = {}, gpc = false, referrer = "", dataset = {}, beacons = true } = {}) {
    this.storage = storage;
    this.sent = [];
    this.answer = (call) => ({ status: 202, body: {} });
    this.now = 1767225600000;
    this.timers = [];
    this.listeners = {};
    this.observers = [];
    const page = this;
    const on = (name, act) => { page.listeners[name] = act; };
    const touched = (name, act) => (...given) => { page.touches.push(name); return act(...given); };
    this.touches = [];
    this.window = {};
    this.document = {
      referrer, hidden: false, addEventListener: on,
      currentScript: { src: "https://reco.shop.de/rayce.js", dataset: { key: "browser-key", ...dataset } },
      get cookie() { page.touches.push("cookie"); return ""; },
      set cookie(value) { page.touches.push("cookie"); },
    };
    vm.runInNewContext(source, {
      window: this.window, document: this.document, addEventListener: on, URL, Blob: FakeBlob, AbortController,
      Uint8Array, JSON, Math, Array, Object, Promise, Map, encodeURIComponent, parseInt,
      crypto: webcrypto,
      Date: { now: () => page.now },
      Intl: { DateTimeFormat: () => ({ resolvedOptions: () => ({ timeZone: "Europe/Berlin" }) }) },
      navigator: {
        globalPrivacyControl: gpc,
        sendBeacon: beacons ? (url, body) => { page.sent.push({ beacon: true, url, body: JSON.parse(body.text) }); return true; } : undefined,
      },
      localStorage: {
        getItem: touched("getItem", (k) => (k in page.storage ? page.storage[k] : null)),
        setItem: touched("setItem", (k, v) => { page.storage[k] = v; }),
        removeItem: touched("removeItem", (k) => { delete page.storage[k]; }),
      },
      fetch: async (url, o) => {
        const text = o.body instanceof FakeBlob ? o.body.text : o.body;
        const call = { ...o, url, body: text && JSON.parse(text), type: o.body.type };
        page.sent.push(call);
        const reply = await new Promise((good, bad) => {
          if (o.signal) o.signal.addEventListener("abort", () => bad(new Error("aborted")));
          Promise.resolve(page.answer(call)).then((r) => (r instanceof Error ? bad(r) : good(r)));
        });
        return { ok: reply.status < 400, status: reply.status, json: async () => reply.body };
      },
      setTimeout: (act, ms, ...given) => page.timers.push({ at: page.now + ms, act: () => act(...given) }),
      clearTimeout: (id) => { if (page.timers[id - 1]) page.timers[id - 1].act = null; },
      IntersectionObserver: class {
        constructor(tell, how) { this.tell = tell; this.how = how; this.seen = new Set(); page.observers.push(this); }
        observe(e) { this.seen.add(e); }
        unobserve(e) { this.seen.delete(e); }
      },
    });
    this.rayce = this.window.rayce;
  }

  async settle() { for (let i = 0; i < 50; i++) await null; await new Promise((r) => setImmediate(r)); }

  async pass(ms) {
    await this.settle();
    const end = this.now + ms;
    for (;;) {
      const due = this.timers.filter((t) => t.act && t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      const act = due.act;
      due.act = null;
      this.now = Math.max(this.now, due.at);
      act();
      await this.settle();
    }
    this.now = end;
    await this.settle();
  }

  calls(part) { return this.sent.filter((s) => s.url.includes(part)); }
  events() { return this.calls("/v1/beacon").flatMap((s) => s.body.events); }
  record() { return this.storage.rayce && JSON.parse(this.storage.rayce); }
}

class FakeBlob { constructor(parts, { type }) { this.text = parts.join(""); this.type = type; } }
