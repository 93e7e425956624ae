// A worker in the street: where am I, whose grid is this, what is open nearby, who lives in my grids.
// The position goes to our own server and nowhere else; it is neither stored nor put into this page's address.
import { $, LOCALE, TIME_ZONE, call, count, distance, el, hours, say, t, tn } from "./common.js";
import { buildingOf, doorOf } from "./homes.js";

const PAGE = 40;
const NEAR_M = 3000;
const SHOWN_STATIONS = 6;
const CLOCK = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: TIME_ZONE });
const COLOURS = { red: t("红"), yellow: t("黄"), green: t("绿") };
const own = new Set([...document.querySelectorAll("[data-my-grids] [data-grid]")].map((button) => button.dataset.grid));
const message = $("[data-locate-message]");
const locateButton = $("[data-locate]");
let asked = 0;

function tell(text, kind = "") {
  say(message, text, kind);
}

function announce(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

function trail(areas) {
  const order = ["city", "county", "township", "community"];
  const downwards = [...areas].sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
  return el("ol", { class: "trail", "aria-label": t("所属区划") }, ...downwards.map((area) => el("li", { text: area.name })));
}

function showGrid(found) {
  const mine = own.has(found.grid.code);
  $("[data-here]").replaceChildren(...[
    trail(found.areas),
    el("div", { class: "grid-name", text: found.grid.name || found.grid.code }),
    el("p", { class: "muted small", text: found.grid.code }),
    el("p", {}, el("span", { class: mine ? "badge good" : "badge warn" },
      mine ? t("✓ 是我负责的网格") : t("不是我负责的网格"))),
    found.building ? el("p", {}, t("楼栋：{name}", { name: found.building.name || found.building.code })) : null,
  ].filter(Boolean));
  $("[data-here-section]").hidden = false;
  if (mine) choose(found.grid.code);
}

function serviceLine(service) {
  return el("li", { class: service.open ? "" : "closed" },
    el("span", { text: service.open ? t(service.label) : t("{service}（未开放）", { service: t(service.label) }) }),
    el("span", { class: "hours num", text: hours(service.hours) }));
}

function station(item) {
  const until = item.closes_at ? t("开到 {time}", { time: CLOCK.format(new Date(item.closes_at)) }) : t("开放中");
  return el("li", { class: "card station" },
    el("div", { class: "top" }, el("span", { class: "name", text: item.name }), el("span", { class: "distance", text: distance(item.distance_m) })),
    el("p", { class: "small" }, el("span", { class: "badge", text: item.kind }), " ", el("span", { class: "badge good", text: until })),
    el("ul", { class: "services" }, ...[...item.services].sort((a, b) => b.open - a.open).map(serviceLine)));
}

function showStations(items) {
  const open = items.filter((item) => item.open && item.distance_m <= NEAR_M).sort((a, b) => a.distance_m - b.distance_m);
  $("[data-stations-section]").hidden = false;
  $("[data-stations-count]").textContent = open.length ? `(${open.length})` : "";
  $("[data-stations]").replaceChildren(...(open.length
    ? open.slice(0, SHOWN_STATIONS).map(station)
    : [el("li", { class: "muted" }, t("三公里内现在没有开放的站点。"))]));
  const rest = open.slice(SHOWN_STATIONS);
  if (rest.length) {
    const all = el("button", { class: "button more", type: "button" }, tn("再看 {n} 个", rest.length));
    all.addEventListener("click", () => all.parentNode.replaceWith(...rest.map(station)));
    $("[data-stations]").append(el("li", {}, all));
  }
  announce("linli:stations", {
    type: "FeatureCollection",
    features: open.map((item) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: [item.lon, item.lat] },
      properties: { code: item.code, name: item.name, kind: item.kind, services: item.services },
    })),
  });
}

/** Ask for the grid at a position, then for the stations near it; only the newest question is answered. */
async function locate(lon, lat, crs) {
  asked += 1;
  const mine = asked;
  const query = new URLSearchParams({ lon, lat, crs });
  tell(t("正在查找…"));
  const places = Promise.allSettled([call(`/api/grids/locate?${query}`), call(`/api/stations/nearest?${query}&limit=20`)]);
  const [grid, stations] = await places;
  if (mine !== asked) return;
  tell(null);
  if (grid.status === "fulfilled") {
    showGrid(grid.value);
    call(`/api/grids/${encodeURIComponent(grid.value.grid.code)}`).then((feature) => mine === asked && announce("linli:grid", feature), () => {});
  } else {
    $("[data-here-section]").hidden = true;
    announce("linli:grid", null);
    tell(grid.reason.status === 404 ? t("这个位置不在任何网格内") : grid.reason, grid.reason.status === 404 ? "warn" : "bad");
  }
  if (stations.status === "fulfilled") showStations(stations.value.items);
  else if (grid.status === "fulfilled") tell(stations.reason, "bad");
}

const REFUSED = {
  1: [t("没有得到定位权限。可在浏览器设置里允许，或在下面输入坐标、点地图。")],
  2: [t("暂时定不了位。请到开阔处再试，或在下面输入坐标、点地图。")],
  3: [t("定位超时。请再试一次，或在下面输入坐标、点地图。")],
};

function byOtherMeans(text) {
  tell(text, "warn");
  $("[data-by-hand]").open = true;
}

locateButton.addEventListener("click", () => {
  if (!navigator.geolocation || !window.isSecureContext) {
    byOtherMeans(t("这个浏览器在此地址下不提供定位（需要 https）。请输入坐标或点地图。"));
    return;
  }
  locateButton.disabled = true;
  tell(t("正在定位…"));
  navigator.geolocation.getCurrentPosition((position) => {
    locateButton.disabled = false;
    const { longitude: lon, latitude: lat, accuracy } = position.coords;
    announce("linli:position", { lon, lat, accuracy_m: accuracy });
    locate(lon, lat, "EPSG:4326").then(() => {
      if (accuracy > 100 && message.hidden) tell(t("定位误差约 {n} 米，结果仅供参考。", { n: Math.round(accuracy) }), "warn");
    });
  }, (error) => {
    locateButton.disabled = false;
    byOtherMeans(REFUSED[error.code][0]);
  }, { enableHighAccuracy: true, timeout: 15000, maximumAge: 10000 });
});

$("[data-typed]").addEventListener("submit", (event) => {
  event.preventDefault();
  const { lon, lat, crs } = event.target.elements;
  // People paste "102.7, 25.0" into the first field.
  const pasted = lon.value.split(/[,,\s]+/).filter(Boolean);
  if (pasted.length === 2 && !lat.value.trim()) [lon.value, lat.value] = pasted;
  const wrong = [[lon, 180], [lat, 90]].filter(([field, most]) => {
    const number = Number(field.value.trim() || NaN);
    const bad = !(Math.abs(number) <= most);
    field.setAttribute("aria-invalid", String(bad));
    return bad;
  });
  if (wrong.length) {
    tell(t("请填经度（-180 到 180）和纬度（-90 到 90），单位是度"), "bad");
    wrong[0][0].focus();
    return;
  }
  if (crs.value === "EPSG:4326") announce("linli:position", { lon: Number(lon.value), lat: Number(lat.value) });
  locate(lon.value.trim(), lat.value.trim(), crs.value);
});

document.addEventListener("linli:tap", (event) => {
  locate(event.detail.lon, event.detail.lat, "EPSG:4326");
});

// ---- Households -------------------------------------------------------------------------------------------------------

const list = $("[data-households]");
const listMessage = $("[data-households-message]");
const more = $("[data-more]");
const search = $("[data-search]");
let chosen = null;
let listed = 0;
let following = null;

function household(home) {
  return el("li", {},
    el("a", { href: `/files/${encodeURIComponent(home.code)}`, "aria-label": t("{home}，打开档案", { home: `${buildingOf(home)} ${doorOf(home)}` }) },
      el("span", { class: "address", text: doorOf(home) }),
      doorOf(home) === home.code ? null : el("span", { class: "code", text: home.code }),
      el("span", { class: "side" },
        el("span", { class: "num", text: typeof home.residents === "number" ? tn("{n} 人", home.residents) : "–" }),
        COLOURS[home.colour] ? el("span", { class: `colour ${home.colour}`, text: COLOURS[home.colour] }) : null)));
}

/** Add households under the headings of their buildings; the list comes in that order. */
function add(homes) {
  for (const home of homes) {
    const place = buildingOf(home) || t("没有楼栋");
    let group = list.lastElementChild;
    if (group?.dataset.building !== place) {
      group = el("li", { class: "building", "data-building": place }, el("h3", { text: place }), el("ul", {}));
      list.append(group);
    }
    $("ul", group).append(household(home));
  }
}

/** Ask for a page. What is searched for goes in the body: a name or a phone has no business in an address or a log. */
function ask(words, cursor) {
  if (words) {
    const json = { q: words, order: "address", limit: PAGE };
    if (chosen) json.grid = chosen;
    if (cursor) json.cursor = cursor;
    return call("/api/households/search", { method: "POST", json });
  }
  if (cursor) return call(cursor);
  const query = new URLSearchParams({ limit: PAGE, order: "address" });
  if (chosen) query.set("grid", chosen);
  return call(`/api/households?${query}`);
}

async function households(cursor = null) {
  listed += 1;
  const mine = listed;
  const words = search.elements.q.value.trim();
  list.setAttribute("aria-busy", "true");
  try {
    const page = await ask(words, cursor);
    if (mine !== listed) return;
    say(listMessage, null);
    if (!cursor) list.replaceChildren();
    add(page.items);
    const shown = list.querySelectorAll("a").length;
    list.hidden = !shown;
    following = page.next ?? null;
    more.hidden = following === null;
    $("[data-households-count]").textContent = `(${shown}${following === null ? "" : "+"})`;
    if (list.hidden) say(listMessage, words ? t("没有找到符合的住户") : t("没有住户"), "");
  } catch (error) {
    if (mine === listed) say(listMessage, error);
  }
  list.removeAttribute("aria-busy");
}

// ---- My grids ---------------------------------------------------------------------------------------------------------

const shapes = new Map();

/** Draw my grids on the map. */
async function drawMine() {
  const found = await Promise.allSettled([...own].map((code) => call(`/api/grids/${encodeURIComponent(code)}`)));
  const features = found.filter((each) => each.status === "fulfilled").map((each) => each.value);
  for (const feature of features) shapes.set(feature.properties.code, feature);
  if (features.length) announce("linli:mine", { type: "FeatureCollection", features });
}

function choose(code) {
  chosen = code;
  for (const button of document.querySelectorAll("[data-my-grids] [data-grid]")) {
    button.setAttribute("aria-pressed", String(button.dataset.grid === code));
  }
  households();
  announce("linli:chosen", { grid: code });
}

$("[data-my-grids]").addEventListener("click", (event) => {
  const button = event.target.closest("[data-grid]");
  if (!button) return;
  choose(button.dataset.grid === chosen ? null : button.dataset.grid);
  announce("linli:show", { feature: chosen ? shapes.get(chosen) : null });
});
search.addEventListener("submit", (event) => { event.preventDefault(); households(); });
search.elements.q.addEventListener("search", () => households());
more.addEventListener("click", () => households(following));
// A page that the browser has kept may be somebody else's who has signed out since; and a file may have been corrected.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

/** Say which of the ways at the foot leads to what is shown. */
function markWay() {
  for (const way of document.querySelectorAll(".phone-tabs a[href*='#']")) {
    if (way.hash === (location.hash || "#map")) way.setAttribute("aria-current", "page");
    else way.removeAttribute("aria-current");
  }
}
addEventListener("hashchange", markWay);
markWay();

/** Stay where the way led while lists above are still being filled, until the reader moves on by himself. */
let moved = false;
for (const type of ["pointerdown", "wheel", "keydown"]) addEventListener(type, () => { moved = true; }, { passive: true });
addEventListener("hashchange", () => { moved = false; });
new ResizeObserver(() => { if (!moved && location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView(); }).observe($("main"));
households();
drawMine();
