// The planner's panel: the grid that was clicked on the map, and what the zoning check found.
import { $, call, el, say, t, tn } from "./common.js";
import { finder } from "./finder.js";
import { summary } from "./summary.js";
import { tabs } from "./tabs.js";
import { MOST, zoning } from "./zoning.js";

const labels = JSON.parse($("[data-labels]").textContent);
const select = tabs($("[role=tablist]"));
const panel = $("[data-summary]");
let running = null;

async function open(code) {
  select("tab-grid");
  running?.abort();
  running = new AbortController();
  panel.setAttribute("aria-busy", "true");
  try {
    panel.replaceChildren(summary(await call(`/api/grids/${encodeURIComponent(code)}/summary`, { signal: running.signal }), labels));
  } catch (error) {
    if (error.name === "AbortError") return;
    const box = el("div");
    say(box, error.status === 404 ? t("没有这个网格") : error);
    panel.replaceChildren(box);
  }
  panel.removeAttribute("aria-busy");
}

// The map tells which grid was clicked (or chosen with Enter).
document.addEventListener("linli:grid", (event) => open(event.detail.code));

finder($("[data-finder]"), async (place) => {
  const grid = place.kind === "grid" ? place.code : null;
  document.dispatchEvent(new CustomEvent("linli:show", { detail: { feature: null } }));
  document.dispatchEvent(new CustomEvent("linli:show-grid", { detail: { code: grid } }));
  if (grid) { open(grid); return; }
  const query = new URLSearchParams({ kind: place.kind, code: place.code });
  document.dispatchEvent(new CustomEvent("linli:show", { detail: { feature: await call(`/api/search/shape?${query}`) } }));
});

// A shared address may name a grid.
const shared = new URLSearchParams(location.search).get("grid");
if (shared) open(shared);

const results = $("[data-zoning]");
const badge = $("[data-zoning-count]");
async function check() {
  results.replaceChildren(el("p", { class: "muted" }, t("正在检查…")));
  try {
    const { node, total } = zoning(await call(`/api/zoning?most=${MOST}`));
    results.replaceChildren(node);
    badge.hidden = !total;
    badge.textContent = total;
    badge.title = tn("{n} 处需要看一看", total);
  } catch (error) {
    const box = el("div");
    say(box, error);
    results.replaceChildren(box);
  }
}
$("[data-zoning-again]").addEventListener("click", check);
check();
