// What htmx does not do by itself: say that the demo is away, mark the chosen household, keep the address, show the speed.
const lost = document.getElementById("lost");
const away = lost.textContent;
const tell = (text) => { lost.textContent = text; lost.hidden = false; };
document.addEventListener("htmx:error", () => tell(away));
document.addEventListener("htmx:after:request", (event) => {
  const response = event.detail?.ctx?.response;
  if (response?.status >= 400) tell(`That did not work: ${event.detail.ctx.text || response.status}`);
  else if (lost.textContent === away) lost.hidden = true;
});
document.addEventListener("click", () => { lost.hidden = true; }, { capture: true });

document.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-user]");
  if (!chosen) return;
  for (const other of document.querySelectorAll("[data-user]")) other.removeAttribute("aria-current");
  chosen.setAttribute("aria-current", "true");
  document.getElementById("notice").replaceChildren();
  history.replaceState(null, "", `/shopper?user=${encodeURIComponent(chosen.dataset.user)}`);
  if (matchMedia("(max-width: 760px)").matches) document.getElementById("shopper").scrollIntoView({ behavior: "smooth" });
});

document.addEventListener("htmx:after:request", (event) => {
  const context = event.detail && event.detail.ctx;
  if (context && context.request.method === "POST" && /\/(act|consent)$/.test(context.request.action)) {
    document.getElementById("notice").replaceChildren();
  }
});
