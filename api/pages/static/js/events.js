// Events: report one, find them, take the next step; what others do appears by itself.
import { $, call, count, el, listed, say, t } from "./common.js";
import { eventCard } from "./event_card.js";
import { limit, look, span } from "./due.js";
import { said, save, toast, touched } from "./forms.js";
import { follow } from "./live.js";

const PAGE = 50;
const MOST = 1000;
const words = JSON.parse($("[data-words]").textContent);
const main = $("[data-events]");
const list = $("[data-list]");
const message = $("[data-list-message]");
const filters = $("[data-filters]");
const more = $("[data-more]");
const report = $("[data-report]");
const box = $("[data-toast]");
const tell = (name, detail) => document.dispatchEvent(new CustomEvent(`linli:${name}`, { detail }));
const nameOf = (event) => event.title ?? t("矛盾纠纷（内容不公开）");

// ---- The list -------------------------------------------------------------------------------------------------------

let items = [];
let following = null;
let asked = 0;

function row(event) {
  return el("li", {},
    el("button", { type: "button", "data-event": event.id, "aria-current": String(event.id === card.id()) },
      el("span", { class: "top" }, el("strong", { text: nameOf(event) }), limit(event)),
      el("span", { class: "small muted" }, [t(words.kinds[event.kind]), t(words.severities[event.severity]), event.grid_name ?? t("网格外"),
        t("{span}前", { span: span(Date.now() - Date.parse(event.reported_at)) }), event.mine ? t("我上报的") : null].filter(Boolean).join(" · ")),
      el("span", { class: "small" }, el("span", { class: `badge state-${event.state}`, text: t(event.label) }), " ", event.assignee_name ?? "")));
}

function draw() {
  list.replaceChildren(...items.map(row));
  more.hidden = following === null;
  $("[data-count]").textContent = `(${count(items.length)}${following === null ? "" : "+"})`;
  tell("events", {
    type: "FeatureCollection",
    features: items.map((event) => ({
      type: "Feature", geometry: { type: "Point", coordinates: [event.lon, event.lat] }, properties: { id: event.id, name: nameOf(event), look: look(event) },
    })),
  });
}

function address() {
  const { state, kind, area, late } = filters.elements;
  const query = new URLSearchParams({ limit: Math.min(MOST, Math.max(PAGE, items.length)) });
  for (const field of [kind, area]) if (field.value) query.set(field.name, field.value);
  if (late.value) query.set(late.value, "true");
  // Those past their limit are open by their nature; whoever waits for a follow-up is closed.
  if (state.value && !late.value) query.set("state", state.value);
  return `/api/events?${query}`;
}

async function load(cursor = null) {
  asked += 1;
  const mine = asked;
  list.setAttribute("aria-busy", "true");
  try {
    const page = await call(cursor ?? address());
    if (mine !== asked) return;
    items = cursor ? [...items, ...page.items] : page.items;
    following = page.next ?? null;
    draw();
    say(message, items.length ? null : t("没有这样的事件"), "");
  } catch (error) {
    if (mine === asked) say(message, error);
  }
  if (mine === asked) list.removeAttribute("aria-busy");
}

filters.addEventListener("change", () => { items = []; load(); });
filters.addEventListener("submit", (event) => event.preventDefault());
more.addEventListener("click", () => load(following));

// ---- An event -------------------------------------------------------------------------------------------------------

const card = eventCard($("[data-card]"), words, {
  near: () => items,
  shown: (event) => {
    main.toggleAttribute("data-chosen", Boolean(event));
    for (const button of list.querySelectorAll("[data-event]")) button.setAttribute("aria-current", String(button.dataset.event === event?.id));
    tell("show-event", event ? { lon: event.lon, lat: event.lat } : null);
  },
  changed: (told) => { toast(box, told); load(); },
});
list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-event]");
  if (button) card.open(button.dataset.event);
});
document.addEventListener("linli:event", (event) => card.open(event.detail.id));

// ---- Reporting ------------------------------------------------------------------------------------------------------

const WHERE = [...$("[data-position]").childNodes].map((node) => node.cloneNode(true));

function put(place, how) {
  report.elements.lon.value = place?.lon ?? "";
  report.elements.lat.value = place?.lat ?? "";
  $("[data-position]").replaceChildren(...(place ? [`${how} ${listed([place.lon.toFixed(5), place.lat.toFixed(5)])}`] : WHERE.map((node) => node.cloneNode(true))));
}

$("[data-report-box]").addEventListener("toggle", (event) => tell("reporting", event.target.open));

document.addEventListener("linli:tap", (event) => {
  $("[data-report-box]").open = true;
  put(event.detail, t("地图上"));
});

$("[data-here]").addEventListener("click", () => {
  const said = $("[data-message]", report);
  if (!navigator.geolocation || !window.isSecureContext) {
    say(said, t("这个浏览器在此地址下不提供定位（需要 https），请在地图上点。"), "warn");
    return;
  }
  navigator.geolocation.getCurrentPosition(({ coords }) => {
    const place = { lon: Number(coords.longitude.toFixed(7)), lat: Number(coords.latitude.toFixed(7)) };
    say(said, null);
    put(place, t("定位（约 {n} 米）", { n: Math.round(coords.accuracy) }));
    tell("position", { ...place, accuracy_m: coords.accuracy });
  }, () => say(said, t("定不了位，请在地图上点。"), "warn"), { enableHighAccuracy: true, timeout: 15000 });
});

report.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!report.elements.lon.value) {
    say($("[data-message]", report), t("请在地图上点出位置，或用您的位置。"), "warn");
    return;
  }
  const { id } = said(report);
  await save(report, (_stored, told) => {
    report.reset();
    put(null);
    tell("position", null);
    $("[data-report-box]").open = false;
    toast(box, told);
    load();
    card.open(id);
  });
});

// ---- Live -----------------------------------------------------------------------------------------------------------

const badge = $("[data-live]");
let waiting = null;
function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(() => { load(); card.refresh(); }, 150);
}
follow("/api/screen/changes", {
  onChange: (event) => { if (JSON.parse(event.data).topic === "events") soon(); },
  onState: (state) => {
    badge.className = state === "live" ? "badge good" : "badge warn";
    badge.replaceChildren(state === "live" ? t("● 实时") : t("○ 断线，重连中"));
    if (state === "live") soon();
  },
});

addEventListener("beforeunload", (event) => { if (touched(report) || card.typing()) event.preventDefault(); });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
load();
