// The wall: figures, rankings and the map, kept current by the stream of changes; it looks after itself for weeks.
import { $, bar, call, count, el, percent } from "./common.js";
import { trend } from "./charts.js";
import { follow } from "./live.js";

const SETTLE_MS = 120;
const REFRESH_MS = 20000;
const RETRY_MS = 2000;
const PATIENCE_MS = 8000;
const LOW_SHARE = 0.6;
const link = $("[data-link]");
const banner = $("[data-lost]");
const shown = { at: null, text: new Map() };
let due = null;
let fetching = false;
let stale = false;
let later = null;

function put(node, text) {
  const before = shown.text.get(node);
  if (before === text) return;
  shown.text.set(node, text);
  node.textContent = text;
  if (before === undefined) return;
  const box = node.closest("[data-totals] > div") || node;
  box.classList.remove("flash");
  void box.offsetWidth; // restarts the animation
  box.classList.add("flash");
}

/** Replace a list only when it says something new, so that a quiet screen stays quiet. */
function list(node, items) {
  const text = items.map((item) => item.textContent).join("|");
  if (shown.text.get(node) === text) return;
  shown.text.set(node, text);
  node.replaceChildren(...items);
}

function ranked(row, index, most) {
  const item = bar(row.name || row.code, row.value / most, count(row.value));
  item.prepend(el("span", { class: "place num", text: String(index + 1) }));
  item.title = row.code;
  return item;
}

function draw(data) {
  put($("[data-place]"), data.place || "社区治理一屏观");
  document.title = `${data.place || "大屏"} · 邻里 linli`;
  const totals = { ...data.totals, stations_open: data.stations_open };
  for (const cell of document.querySelectorAll("[data-total]")) put(cell, count(totals[cell.dataset.total]));
  const covered = [...data.coverage].sort((a, b) => (b.share ?? -1) - (a.share ?? -1));
  list($("[data-coverage]"), covered.map((row) => bar(row.label, row.share, percent(row.share), row.share < LOW_SHARE ? "low" : "")));
  const needs = data.needs_by_service.slice(0, 8);
  const mostNeeds = Math.max(1, ...needs.map((row) => row.count ?? 0));
  list($("[data-needs]"), needs.map((row) => bar(row.label, (row.count ?? 0) / mostNeeds, count(row.count), "low")));
  const ranking = data.rankings.needs_open.slice(0, 10);
  const most = Math.max(1, ...ranking.map((row) => row.value));
  list($("[data-ranking]"), ranking.map((row, index) => ranked(row, index, most)));
  shown.trend = data.trend;
  trend($("[data-trend]"), data.trend);
  shown.at = new Date();
}

async function refresh() {
  due = null;
  if (fetching) { stale = true; return; }
  fetching = true;
  let wait = REFRESH_MS;
  try {
    draw(await call("/api/screen/summary", { signal: AbortSignal.timeout(PATIENCE_MS) }));
    if (link.dataset.state === "lost") reopen();
    state("live");
  } catch {
    state("lost");
    wait = RETRY_MS;
  }
  fetching = false;
  clearTimeout(later);
  // Opening hours change with the clock, not with the data; and asking now and then shows whether the line still stands.
  later = setTimeout(soon, wait);
  if (stale) { stale = false; soon(); }
}

/** Ask once for several changes that come together. */
function soon() {
  if (due === null) due = setTimeout(refresh, SETTLE_MS);
}

function state(now) {
  if (link.dataset.state === now) return;
  link.dataset.state = now;
  $("[data-link-text]").textContent = { live: "实时", connecting: "正在连接", lost: "连接中断" }[now];
  banner.hidden = now !== "lost";
  if (now === "lost") $("[data-lost-at]").textContent = shown.at ? shown.at.toLocaleTimeString("zh-CN", { timeZone: "Asia/Shanghai", hour12: false }) : "–";
}

const TIME = new Intl.DateTimeFormat("zh-CN", { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, timeZone: "Asia/Shanghai" });
const DAY = new Intl.DateTimeFormat("zh-CN", { year: "numeric", month: "long", day: "numeric", weekday: "long", timeZone: "Asia/Shanghai" });
function tick() {
  const now = new Date();
  $("[data-clock]").textContent = TIME.format(now);
  $("[data-date]").textContent = DAY.format(now);
  setTimeout(tick, 1000 - now.getMilliseconds());
}

new ResizeObserver(() => shown.trend && trend($("[data-trend]"), shown.trend)).observe($("[data-trend]"));
tick();
refresh();
const reopen = follow("/api/screen/changes", {
  onChange: () => { soon(); document.dispatchEvent(new CustomEvent("linli:refresh")); },
  onState: (now) => { if (now === "live") soon(); else state(now); },
});
