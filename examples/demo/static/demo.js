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

const mark = () => {
  const user = new URLSearchParams(location.search).get("user");
  for (const button of document.querySelectorAll("[data-user]")) {
    if (button.dataset.user === user) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
};
mark();
document.addEventListener("htmx:after:swap", mark);

document.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-user]");
  if (!chosen) return;
  document.getElementById("notice").replaceChildren();
  history.replaceState(null, "", `/shopper?user=${encodeURIComponent(chosen.dataset.user)}`);
  mark();
  if (matchMedia("(max-width: 760px)").matches) document.getElementById("shopper").scrollIntoView({ behavior: "smooth" });
});

document.addEventListener("htmx:after:request", (event) => {
  const context = event.detail && event.detail.ctx;
  if (context && context.request.method === "POST" && /\/(act|consent)$/.test(context.request.action)) {
    document.getElementById("notice").replaceChildren();
  }
});
