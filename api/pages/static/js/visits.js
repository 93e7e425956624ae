// Visits due: most overdue first or in the order of a round, and a visit recorded in two taps. The position is asked for on a tap,
// sent once in a body, and kept nowhere.
import { $, call, count, distance, el, say, t, tn } from "./common.js";
import { save, toast } from "./forms.js";
import { buildingOf, doorOf } from "./homes.js";
import { heldOutcome } from "./outcomes.js";

const SHOWN = 60;
const STOPS = 12;
const POSITION_MS = 8000;
const COLOURS = { red: t("红"), yellow: t("黄"), green: t("绿") };
const root = $("[data-visits]");
const list = $("[data-due]", root);
const message = $("[data-visits-message]", root);
const byDue = $("[data-by-due]", root);
const box = $("[data-toast]");
let grid = null;
let asked = 0;

function lateness(home) {
  if (home.overdue_days > 0) return el("span", { class: "badge bad" }, tn("超期 {n} 天", home.overdue_days));
  return el("span", { class: "badge warn" }, t("今天到期"));
}

function stop(home, place) {
  const form = $("[data-visit-form]", root).content.firstElementChild.cloneNode(true);
  form.elements.household.value = home.household;
  return el("li", { "data-household": home.household },
    // The second tap is on the screen as soon as the first is done.
    el("details", { on: { toggle: (event) => event.target.open && event.target.scrollIntoView({ block: "nearest" }) } },
      el("summary", {},
        place === null ? null : el("span", { class: "place num", text: String(place) }),
        el("span", { class: "where" },
          el("strong", { text: `${buildingOf(home)} ${doorOf({ ...home, code: home.household })}`.trim() }),
          el("span", { class: "muted small", text: [
            home.walk_m > 0 ? t("再走 {distance}", { distance: distance(home.walk_m) }) : null,
            home.last_visit_on ? t("上次 {day}", { day: home.last_visit_on }) : t("还没走访过"),
          ].filter(Boolean).join(" · ") })),
        el("span", { class: "side" }, el("span", { class: `colour ${home.colour}`, text: COLOURS[home.colour] }), lateness(home))),
      form,
      el("a", { class: "button wide", href: `/files/${encodeURIComponent(home.household)}` }, t("打开档案"))));
}

function total({ colour, households, due, overdue }) {
  return el("li", {}, el("span", { class: `colour ${colour}`, text: COLOURS[colour] }),
    el("span", { class: "num", text: tn("待走访 {due} / {n} 户", households, { due: count(due) }) }), el("span", { class: overdue ? "badge bad" : "badge" }, t("超期 {n}", { n: count(overdue) })));
}

function showTotals(totals) {
  $("[data-due-count]", root).textContent = `(${count(totals.reduce((sum, each) => sum + each.due, 0))})`;
  $("[data-due-totals]", root).replaceChildren(...totals.map(total));
}

const due = (limit) => call(`/api/visits/due?${new URLSearchParams({ limit, ...(grid ? { grid } : {}) })}`);

/** Draw a round on the map, or none; it is kept nowhere. */
const drawn = (detail) => document.dispatchEvent(new CustomEvent("linli:round", { detail }));

/** Do what asks the service; only the newest question is answered. */
async function asking(work) {
  asked += 1;
  const mine = asked;
  list.setAttribute("aria-busy", "true");
  try {
    await work(() => mine === asked);
  } catch (error) {
    if (mine === asked) say(message, error);
  }
  if (mine === asked) list.removeAttribute("aria-busy");
}

function show() {
  return asking(async (newest) => {
    const found = await due(SHOWN);
    if (!newest()) return;
    byDue.hidden = true;
    drawn(null);
    showTotals(found.totals);
    list.replaceChildren(...found.items.map((home) => stop(home, null)));
    if (!found.items.length) say(message, t("今天没有待走访的户"), "good");
    else say(message, found.truncated ? t("只列出最超期的 {n} 户", { n: SHOWN }) : null, "");
  });
}

/** Where the browser says it is, or null; asked for on the tap only. */
function position() {
  if (!navigator.geolocation || !window.isSecureContext) return Promise.resolve(null);
  return new Promise((done) => {
    navigator.geolocation.getCurrentPosition(({ coords }) => done({ lon: coords.longitude, lat: coords.latitude }), () => done(null),
      { enableHighAccuracy: true, timeout: POSITION_MS, maximumAge: 60000 });
  });
}

function walk() {
  return asking(async (newest) => {
    say(message, t("正在定位并排路线…"), "");
    const from = await position();
    const round = await call("/api/visits/round", { method: "POST", json: { most: STOPS, ...(grid ? { grid } : {}), ...from } });
    if (!newest()) return;
    byDue.hidden = false;
    drawn({ from, stops: round.stops.map(({ lon, lat }) => ({ lon, lat })) });
    list.replaceChildren(...round.stops.map((home, at) => stop(home, at + 1)));
    const far = tn("{n} 户，共约 {distance}", round.stops.length, { distance: distance(round.length_m) });
    say(message, from ? t("从您的位置出发：{far}", { far }) : t("没有位置，从第一户算起：{far}", { far }), from ? "good" : "warn");
  });
}

list.addEventListener("click", heldOutcome);
list.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  await save(form, async (_stored, words) => {
    const outcome = form.elements.outcome.value;
    const item = form.closest("[data-household]");
    if (["absent", "declined"].includes(outcome)) {
      form.reset();
      $("details", item).open = false;
      $(".where", item).append(el("span", { class: "badge", text: t("今天没见到") }));
    } else item.remove();
    toast(box, words);
    await due(1).then((found) => showTotals(found.totals), () => {});
  });
});
// One form at a time: the others fold away, with what was typed in them.
list.addEventListener("toggle", (event) => {
  if (!event.target.open) return;
  for (const other of list.querySelectorAll("details[open]")) if (other !== event.target) other.open = false;
}, true);
$("[data-round]", root).addEventListener("click", walk);
byDue.addEventListener("click", show);
document.addEventListener("linli:chosen", (event) => {
  grid = event.detail.grid;
  show();
});
addEventListener("beforeunload", (event) => {
  if ([...list.querySelectorAll("[name=note]")].some((field) => field.value)) event.preventDefault();
});
show();
