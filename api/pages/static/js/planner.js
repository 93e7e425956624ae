// The planner's panel: the grid that was clicked on the map, and what the zoning check found.
import { $, call, el, say, t, tn } from "./common.js";
import { summary } from "./summary.js";
import { tabs } from "./tabs.js";
import { zoning } from "./zoning.js";

const labels = JSON.parse($("[data-labels]").textContent);
const select = tabs($("[role=tablist]"));
const panel = $("[data-summary]");
const find = $("[data-find-grid]");
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

function chosen() {
  const typed = find.elements.grid.value.trim();
  if (!typed) return null;
  const options = [...find.querySelectorAll("option")];
  const match = options.find((option) => option.value === typed || option.textContent === typed)
    ?? options.find((option) => option.textContent.includes(typed) || option.value.endsWith(typed));
  return match ? match.value : typed;
}

function show() {
  const code = chosen();
  if (!code) return;
  document.dispatchEvent(new CustomEvent("linli:show-grid", { detail: { code } }));
  open(code);
}

find.addEventListener("submit", (event) => { event.preventDefault(); show(); });
find.elements.grid.addEventListener("change", () => {
  const typed = find.elements.grid.value;
  if ([...find.querySelectorAll("option")].some((option) => option.value === typed)) show();
});

const results = $("[data-zoning]");
const badge = $("[data-zoning-count]");
async function check() {
  results.replaceChildren(el("p", { class: "muted" }, t("正在检查…")));
  try {
    const { node, total } = zoning(await call("/api/zoning"));
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
