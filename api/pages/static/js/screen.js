// The wall: figures, charts and the map, kept current by the stream of changes; it looks after itself for weeks.
// Addresses: /screen?area=CODE begins at a part of the place; ?pace=SECONDS turns the panels that fast, 0 not at all. The space bar pauses.
import { $, LANGUAGE, LOCALE, TIME_ZONE, bar, count, el, percent, signInAgain, t } from "./common.js";
import { bars, lying } from "./charts.js";
import { follow } from "./live.js";
import { Turning } from "./turning.js";

const SETTLE_MS = 120;
const REFRESH_MS = 20000;
const RETRY_MS = 2000;
const PATIENCE_MS = 8000;
const LOST_AFTER_MS = 60000;
const LOW_SHARE = 0.6;
const MONTHS = 12;
const RENEW_HOUR = 4;
const STATES = { reported: t("待分流"), dispatched: t("已分流"), handling: t("处置中"), returned: t("已退回"), escalated: t("已请办") };
const wall = $("[data-wall]");
const link = $("[data-link]");
const banner = $("[data-lost]");
const asked = new URLSearchParams(location.search);
const root = asked.get("area");
const shown = { at: null, text: new Map(), tags: new Map(), bodies: new Map(), area: undefined };
let due = null;
let fetching = false;
let stale = false;
let later = null;

const TIME = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, timeZone: TIME_ZONE });
const MINUTE = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: TIME_ZONE });
const MONTH = new Intl.DateTimeFormat(LOCALE, { month: "short", timeZone: TIME_ZONE });
const DAY = new Intl.DateTimeFormat(LOCALE, { month: "long", day: "numeric", weekday: "long", timeZone: TIME_ZONE });

/** Millions in ten thousands, as they are read aloud. */
const large = (value) => (typeof value === "number" && value >= 1e6 ? (LANGUAGE === "zh-CN" ? `${(value / 1e4).toFixed(1)}万` : `${(value / 1e6).toFixed(2)}M`) : count(value));

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
function list(node, items, none = t("暂无")) {
  const text = items.map((item) => item.textContent).join("|");
  if (shown.text.get(node) === text) return;
  shown.text.set(node, text);
  node.replaceChildren(...(items.length ? items : [el("li", {}, el("span", { class: "none", text: none }))]));
}

function ranked(rows) {
  const most = Math.max(1, ...rows.map((row) => row.value));
  return rows.slice(0, 8).map((row, index) => {
    const item = bar(row.name || row.code, row.value / most, count(row.value));
    item.prepend(el("span", { class: "place num", text: String(index + 1) }));
    item.title = row.code;
    return item;
  });
}

function counts(rows) {
  const most = Math.max(1, ...rows.map((row) => row.count ?? 0));
  return rows.map((row) => bar(t(row.label), (row.count ?? 0) / most, count(row.count), "low"));
}

function shares(rows) {
  return rows.map((row) => bar(t(row.label), row.share, percent(row.share), row.share !== null && row.share < LOW_SHARE ? "low" : ""));
}

function newest(row) {
  return el("li", {},
    el("span", { class: "kind", text: t(row.label) }),
    el("span", { class: "where", text: row.grid_name || t("网格外") }),
    el("time", { datetime: row.at, text: MINUTE.format(new Date(row.at)) }));
}

function part(row) {
  const cells = [row.residents, row.elders_60, row.needs_open, row.events_open].map((value) => el("td", { text: large(value) }));
  return el("tr", {}, el("td", { text: row.name || row.code, title: row.code }), ...cells);
}

function draw(data) {
  const place = data.place || t("社区治理一屏观");
  if (shown.area !== data.area) {
    shown.area = data.area;
    shown.text.clear(); // another part: nothing has changed, so nothing flashes
    document.dispatchEvent(new CustomEvent("linli:focus", { detail: { bounds: data.bounds } }));
  }
  put($("[data-place]"), place);
  put($("[data-path]"), data.path.slice(0, -1).map((step) => step.name).join(" › "));
  document.title = `${place} · ${t("邻里 linli")}`;
  const totals = { ...data.totals, events_open: data.events.open, events_overdue: data.events.overdue, visits_due: data.visits.due };
  for (const cell of document.querySelectorAll("[data-total]")) put(cell, large(totals[cell.dataset.total]));
  list($("[data-coverage]"), shares([...data.coverage].sort((a, b) => (b.share ?? -1) - (a.share ?? -1))));
  list($("[data-care]"), counts(data.care_flags));
  list($("[data-needs]"), counts(data.needs_by_service));
  list($("[data-ranking]"), ranked(data.rankings.needs_open));
  list($("[data-hot-spots]"), ranked(data.hot_spots), t("没有多发网格"));
  list($("[data-newest]"), data.newest_events.slice(0, 3).map(newest), t("近来没有新事件"));
  list($("[data-rates]"), [
    ...shares(data.events.rates),
    el("li", {}, el("span", { class: "label", text: t("走访户次") }), el("span"), el("span", { class: "value num", text: large(data.visits.done) })),
  ]);
  const body = $("[data-children] tbody");
  list(body, data.children.map(part));
  lying("states", Object.entries(STATES).map(([key, label]) => ({ label, value: data.events.states[key], colour: key === "returned" ? "warm" : "glow" })));
  const onDay = (row) => ({ ...row, label: row.day.slice(5).replace("-", "/") });
  bars("events", data.events.trend.map(onDay), [
    { key: "reported", label: t("上报"), colour: "warm" }, { key: "closed", label: t("其中办结"), colour: "glow" },
  ]);
  bars("needs-days", data.days.map(onDay), [
    { key: "needs_opened", label: t("新增"), colour: "warm" }, { key: "needs_closed", label: t("办结"), colour: "glow" },
  ]);
  bars("visits-days", data.days.map(onDay), [
    { key: "visits_due", label: t("到期"), colour: "warm" }, { key: "visits_done", label: t("已走访"), colour: "glow" },
  ]);
  bars("needs", data.trend.slice(-MONTHS).map((row) => ({ ...row, label: MONTH.format(new Date(`${row.month}-15`)) })), [
    { key: "opened", label: t("新增"), colour: "warm" }, { key: "closed", label: t("办结"), colour: "glow" },
  ]);
  turning.stops(data.area === root ? data.children.map((child) => child.code) : null);
}

/** Ask for the figures of a part; what has not changed is not sent again. */
async function fetched(area) {
  const headers = { Accept: "application/json", "X-Requested-With": "linli" };
  if (shown.tags.has(area)) headers["If-None-Match"] = shown.tags.get(area);
  const address = area ? `/api/screen/summary?area=${encodeURIComponent(area)}` : "/api/screen/summary";
  const answer = await fetch(address, { headers, credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (answer.status === 304) return shown.bodies.get(area);
  if (answer.status === 401) signInAgain();
  if (!answer.ok) throw new Error(String(answer.status));
  const body = await answer.json();
  shown.tags.set(area, answer.headers.get("ETag"));
  shown.bodies.set(area, body);
  return body;
}

async function refresh() {
  due = null;
  if (fetching) { stale = true; return; }
  fetching = true;
  let wait = REFRESH_MS;
  const area = turning.area;
  try {
    const data = await fetched(area);
    if (area === turning.area) draw(data);
    shown.at = new Date();
    $("[data-as-of]").textContent = TIME.format(shown.at);
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
  if (stale || area !== turning.area) { stale = false; soon(); }
}

/** Ask once for several changes that come together. */
function soon() {
  if (due === null) due = setTimeout(refresh, SETTLE_MS);
}

function state(now) {
  if (link.dataset.state === now) return;
  link.dataset.state = now;
  $("[data-link-text]").textContent = { live: t("实时"), connecting: t("正在连接"), lost: t("已断开") }[now];
  banner.hidden = now !== "lost";
  wall.toggleAttribute("data-stale", now === "lost");
  if (now === "lost") age();
}

/** Say how old the figures are that a wall without its server still shows. */
function age() {
  $("[data-lost-at]").textContent = shown.at ? TIME.format(shown.at) : "–";
  const minutes = shown.at ? Math.floor((Date.now() - shown.at) / 60000) : 0;
  $("[data-lost-for]").textContent = minutes ? t("（{n} 分钟前）", { n: minutes }) : "";
}

let lastHour = new Date().getHours();
function tick() {
  const now = new Date();
  $("[data-clock]").textContent = TIME.format(now);
  $("[data-date]").textContent = DAY.format(now);
  // A timer that was held up, or a machine that slept, must not leave old figures looking new.
  if (shown.at && now - shown.at > LOST_AFTER_MS) { state("lost"); soon(); }
  if (link.dataset.state === "lost") age();
  if (now.getHours() !== lastHour) {
    lastHour = now.getHours();
    if (lastHour === RENEW_HOUR && link.dataset.state === "live") location.reload(); // once a day: a new version, and a fresh memory
  }
  setTimeout(tick, 1000 - now.getMilliseconds());
}

const turning = new Turning({ root, pace: asked.has("pace") ? Number(asked.get("pace")) : undefined, onArea: soon });
tick();
refresh();
const reopen = follow("/api/screen/changes", {
  onChange: () => { soon(); document.dispatchEvent(new CustomEvent("linli:refresh")); },
  onState: (now) => { if (now === "live") soon(); else state(now); },
});
