// What the pages tell rayce and ask it for in the browser. Without rayce.js (rayce is away) the pages are whole all the same.
(() => {
  "use strict";
  const said = document.currentScript.dataset.said, rayce = window.rayce;
  if (!rayce) return;
  const all = (what) => document.querySelectorAll(what);

  // Consent first: on every page, as soon as it is known. Nothing is sent for somebody who has not answered.
  if (said) {
    rayce.consent({ personalization: said.startsWith("p"), training: said.includes("t"), marketing: said.includes("m") });
  }
  for (const product of all("[data-viewed]")) {
    rayce.track("view", [product.dataset.viewed], { context: { page_type: "product" } });
  }
  for (const banner of all("[data-slot][data-decision]")) {
    const { slot, decision, variant } = banner.dataset;
    if (!decision) continue;
    const clock = new IntersectionObserver(([seen]) => {
      if (!seen.isIntersecting) return;
      clock.disconnect();
      rayce.track("impression", [], { context: { slot }, properties: { decision_id: decision, variant } });
    }, { threshold: .5 });
    clock.observe(banner);
  }
  const watch = (panel, decision) => rayce.impressions(panel.querySelectorAll("[data-item]"), decision ? { decision_id: decision } : {});
  for (const panel of all(".panel:not([hidden])")) watch(panel, panel.dataset.decision);

  // A list that the browser itself asks for, beside the product; it appears if and when there is something to show.
  for (const panel of all("[data-beside]")) {
    const beside = panel.dataset.beside;
    rayce.recommendations({ slot: panel.dataset.slot, limit: 4, session_items: [beside], exclude: [beside] }).then(async (reply) => {
      if (!reply.items.length) return;
      const ids = reply.items.map((item) => item.item_id).join(",");
      const cards = await fetch("/cards?ids=" + encodeURIComponent(ids));
      if (!cards.ok) return;
      panel.querySelector(".cards").innerHTML = await cards.text(); // the shop's own template, from the shop's own origin
      panel.querySelector("h2 span").textContent = reply.personal ? "Picked for you" : "Worth a look";
      panel.querySelector("h2 small").textContent = reply.served + (reply.personal ? ", personal" : "");
      if (!panel.querySelector("[data-item]")) return;
      panel.hidden = false;
      watch(panel, reply.decision_id);
    });
  }
})();
