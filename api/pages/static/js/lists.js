// The five lists, needs → resources → projects → duties → feedback: each row leads on to the project, which leads back to all of them.
import { $, call, count, el, hours, say, t, tn } from "./common.js";
import { said, save, toast, touched } from "./forms.js";
import { follow } from "./live.js";
import { offerLine, projectCard } from "./project_card.js";
import { tabs } from "./tabs.js";

const PAGE = 50;
const MOST = 1000;
const words = JSON.parse($("[data-words]").textContent);
const main = $("[data-lists]");
const box = $("[data-toast]");
const none = t("没有");
const areaName = (code) => words.areas[code] ?? code;
const badge = (text, kind = "") => el("span", { class: `badge ${kind}`, text });

// ---- Rows -----------------------------------------------------------------------------------------------------------

/** The way to a project, from whichever list. */
function projectLink(id, title, state) {
  const button = el("button", { class: "link", type: "button", "data-project": id, "aria-current": String(id === card.id()), translate: "no", text: title });
  return el("span", { class: "top" }, button, badge(t(words.states[state]), `state-${state}`));
}

function needRow(need) {
  if (need.count !== undefined) {
    return el("li", {}, el("span", { class: "top" }, el("strong", { text: t(need.label) }), el("span", { class: "push num", text: count(need.count) })));
  }
  const more = el("div", { class: "acts" });
  const offers = el("button", { class: "button", type: "button", "aria-expanded": "false" }, t("谁能提供"));
  const link = el("button", { class: "button", type: "button", "aria-expanded": "false" }, t("关联项目"));
  const out = el("div", { "aria-live": "polite" });
  const toggle = (button, fill) => button.addEventListener("click", async () => {
    const open = button.getAttribute("aria-expanded") === "true";
    for (const each of [offers, link]) each.setAttribute("aria-expanded", "false");
    out.replaceChildren();
    if (open) return;
    button.setAttribute("aria-expanded", "true");
    try {
      out.replaceChildren(await fill());
    } catch (error) {
      const message = el("div", {});
      say(message, error);
      out.replaceChildren(message);
    }
  });
  toggle(offers, async () => {
    const { offers: items } = await call(`/api/needs/${need.id}`, { stay: true });
    return el("ul", { class: "project items" }, ...(items.length ? items.map((offer) => el("li", {}, ...offerLine(offer))) : [el("li", { class: "muted", text: t("还没有单位或站点提供这项服务") })]));
  });
  toggle(link, () => linking(need));
  if (need.state === "open") more.append(offers, link);
  return el("li", { "data-need": need.id },
    el("span", { class: "top" }, el("strong", { text: t(need.label) }),
      need.repeats ? badge(tn("一年内第 {n} 次重复", need.repeats, {}), "warn") : null,
      need.state === "closed" ? badge(t("已办结"), "good") : null, el("span", { class: "push small muted num", text: need.opened_on })),
    el("span", { class: "small" }, el("a", { href: `/files/${encodeURIComponent(need.household)}`, translate: "no", text: need.household }), ` · ${areaName(need.grid) ?? t("网格外")}`),
    need.note ? el("span", { class: "small", translate: "no", text: need.note }) : null, more, out);
}

/** Choose a project of the need's kind; those that answer it already lead there. */
async function linking(need) {
  const [all, linked] = await Promise.all([call(`/api/projects?service=${need.service}&limit=${MOST}`, { stay: true }), call(`/api/projects?need=${need.id}`, { stay: true })]);
  const has = new Set(linked.items.map((project) => project.id));
  const free = all.items.filter((project) => project.state !== "closed" && !has.has(project.id));
  const choice = el("select", { "aria-label": t("选一个项目") }, ...free.map((project) => el("option", { value: project.id, text: `${project.title} · ${t(words.states[project.state])}` })));
  const go = el("button", { class: "button primary", type: "button" }, t("关联"));
  const message = el("div", { class: "message", role: "alert", hidden: true });
  go.addEventListener("click", async () => {
    try {
      await call(`/api/projects/${choice.value}/needs`, { method: "POST", json: { need: need.id }, stay: true });
      toast(box, t("已关联"));
      card.open(choice.value);
      load("needs");
    } catch (error) {
      say(message, error);
    }
  });
  return el("div", {}, ...linked.items.map((project) => projectLink(project.id, project.title, project.state)), message,
    free.length ? el("div", { class: "acts" }, choice, go) : el("p", { class: "small muted", text: t("没有可关联的同类项目，可先立项") }));
}

function resourceRow(resource) {
  const share = resource.capacity ? resource.taken / resource.capacity : 0;
  const fill = el("div", { class: "fill" });
  fill.style.width = `${Math.min(1, share) * 100}%`;
  const places = resource.capacity === null ? t("不限名额") : t("余 {left} / 共 {all}", { left: count(resource.left), all: count(resource.capacity) });
  return el("li", { "data-resource": resource.id },
    el("span", { class: "top" }, el("strong", { translate: "no", text: resource.organisation }), badge(t(resource.label)), resource.active ? null : badge(t("已停止"))),
    el("span", { class: "small muted", text: `${areaName(resource.area)} · ${hours(resource.hours)}` }),
    resource.capacity === null ? el("span", { class: "small", text: places })
      : el("span", { class: "filling" }, el("span", { class: "track", "aria-hidden": "true" }, fill), el("span", { class: "small num", text: places })),
    words.may.resources ? resourceForm(resource) : null);
}

function resourceForm(resource) {
  const id = (name) => `r-${resource.id}-${name}`;
  const message = el("div", { class: "message", role: "alert", hidden: true });
  const capacity = el("input", { id: id("capacity"), type: "number", min: 0, inputmode: "numeric", value: resource.capacity ?? "" });
  const open = el("input", { id: id("hours"), value: resource.hours, maxlength: 500, spellcheck: "false" });
  const active = el("input", { id: id("active"), type: "checkbox", checked: resource.active });
  const form = el("form", { novalidate: true, "data-change": true },
    el("div", { class: "two" }, el("div", { class: "field" }, el("label", { for: capacity.id }, t("名额（不填为不限）")), capacity),
      el("div", { class: "field" }, el("label", { for: open.id }, t("开放时间")), open)),
    el("label", { class: "check", for: active.id }, active, t("提供中")), message, el("button", { class: "button", type: "submit" }, t("保存")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const json = { capacity: capacity.value === "" ? null : Number(capacity.value), hours: open.value.trim() || null, active: active.checked };
    try {
      await call(`/api/resources/${resource.id}`, { method: "PATCH", json, tag: resource.version, stay: true });
      toast(box, t("已保存"));
      form.reset();
      load("resources", { anyway: true });
    } catch (error) {
      say(message, error.status === 412 ? t("这项资源刚被别人改过，请看过新的再来") : error);
    }
  });
  return el("details", {}, el("summary", { class: "small" }, t("修改")), form);
}

function projectRow(project) {
  const days = [project.starts_on, project.closed_on ?? project.ends_on].filter(Boolean).join(" → ");
  return el("li", {}, projectLink(project.id, project.title, project.state),
    el("span", { class: "small muted" }, [t(project.label), areaName(project.area), days, t("需求 {n} 件", { n: count(project.needs) })].filter(Boolean).join(" · ")));
}

function dutyRow(duty) {
  return el("li", {},
    el("span", { class: "top" }, el("strong", { translate: "no", text: duty.task }), badge(t(words.roles[duty.role])),
      duty.done_on ? badge(t("✓ {day} 完成", { day: duty.done_on }), "good") : duty.overdue ? badge(t("超期"), "bad") : null,
      el("span", { class: "push small muted num", text: duty.due_on ?? t("不限期") })),
    el("span", { class: "small", translate: "no", text: duty.party_name }), projectLink(duty.project, duty.title, duty.project_state));
}

function feedbackRow(given) {
  return el("li", {},
    el("span", { class: "top" }, badge(t(words.outcomes[given.outcome]), `outcome-${given.outcome}`), given.counts ? null : badge(t("返工前")), el("span", { class: "push small muted num", text: given.given_on })),
    el("span", { translate: "no", text: given.summary }), projectLink(given.project, given.title, given.project_state));
}

// ---- Lists ----------------------------------------------------------------------------------------------------------

const LISTS = {
  needs: { address: words.may.needs ? "/api/needs" : "/api/screen/summary", row: needRow, topics: ["needs", "projects"], plain: !words.may.needs },
  resources: { address: "/api/resources", row: resourceRow, topics: ["resources", "projects"] },
  projects: { address: "/api/projects", row: projectRow, topics: ["projects"] },
  duties: { address: "/api/duties", row: dutyRow, topics: ["projects", "desks"] },
  feedback: { address: "/api/feedback", row: feedbackRow, topics: ["projects"] },
};
const shown = new Map(Object.keys(LISTS).map((name) => [name, { items: [], next: null, asked: 0 }]));
const panelOf = (name) => $(`[data-panel="${name}"]`);

function address(name) {
  const { address: base, plain } = LISTS[name];
  if (plain) return base;
  const query = new URLSearchParams({ limit: Math.min(MOST, Math.max(PAGE, shown.get(name).items.length)) });
  for (const field of $("[data-filters]", panelOf(name))?.elements ?? []) if (field.name && field.value) query.set(field.name, field.value);
  return `${base}?${query}`;
}

/** Whether somebody is at work in a list, so that it must not be drawn anew under their hands. */
const busy = (panel) => [...panel.querySelectorAll("[data-change]")].some(touched) || Boolean(panel.querySelector('[data-list] [aria-expanded="true"]'));

async function load(name, { cursor = null, anyway = true } = {}) {
  const panel = panelOf(name), list = $("[data-list]", panel), message = $("[data-list-message]", panel), state = shown.get(name);
  if (!anyway && busy(panel)) return;
  state.asked += 1;
  const mine = state.asked;
  list.setAttribute("aria-busy", "true");
  try {
    const page = await call(cursor ?? address(name));
    if (mine !== state.asked || (!anyway && busy(panel))) return;
    const items = page.items ?? page.needs_by_service;
    state.items = cursor ? [...state.items, ...items] : items;
    state.next = page.next ?? null;
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.project : null;
    list.replaceChildren(...state.items.map(LISTS[name].row));
    if (focused) $(`[data-project="${focused}"]`, list)?.focus();
    $("[data-more]", panel).hidden = state.next === null;
    $(`[data-count="${name}"]`).textContent = `${count(state.items.length)}${state.next === null ? "" : "+"}`;
    say(message, items.length || cursor ? null : none, "");
  } catch (error) {
    if (mine === state.asked) say(message, error);
  } finally {
    if (mine === state.asked) list.removeAttribute("aria-busy");
  }
}

for (const name of Object.keys(LISTS)) {
  const panel = panelOf(name), filters = $("[data-filters]", panel), add = $("[data-add]", panel);
  filters?.addEventListener("change", () => { shown.get(name).items = []; load(name); });
  filters?.addEventListener("submit", (event) => event.preventDefault());
  $("[data-more]", panel).addEventListener("click", () => load(name, { cursor: shown.get(name).next }));
  add?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { id } = said(add);
    await save(add, (_form, told) => {
      add.reset();
      $("[data-box]", panel).open = false;
      toast(box, told);
      load(name);
      if (name === "projects") card.open(id);
    });
  });
}
main.addEventListener("click", (event) => {
  const button = event.target.closest("[data-project]");
  if (button) card.open(button.dataset.project);
});

// ---- The project, and what others do -------------------------------------------------------------------------------

const card = projectCard($("[data-card]"), words, {
  areaName,
  shown: (project) => {
    main.toggleAttribute("data-chosen", Boolean(project));
    for (const button of document.querySelectorAll("[data-list] [data-project]")) button.setAttribute("aria-current", String(button.dataset.project === project?.id));
  },
  changed: (told) => { toast(box, told); refresh(["projects", "resources"]); },
});

function refresh(topics) {
  for (const [name, each] of Object.entries(LISTS)) if (each.topics.some((topic) => topics.includes(topic))) load(name, { anyway: false });
}

const badgeLive = $("[data-live]");
const heard = new Set();
let waiting = null;
function soon(topics) {
  topics.forEach((topic) => heard.add(topic));
  clearTimeout(waiting);
  waiting = setTimeout(() => { refresh([...heard]); if (heard.has("projects") || heard.has("needs")) card.refresh(); heard.clear(); }, 150);
}
follow("/api/screen/changes", {
  onChange: (event) => soon([JSON.parse(event.data).topic]),
  onState: (state) => {
    badgeLive.className = state === "live" ? "badge good" : "badge warn";
    badgeLive.replaceChildren(state === "live" ? t("● 实时") : t("○ 断线，重连中"));
    if (state === "live") soon(["needs", "projects", "resources"]);
  },
});

const select = tabs($("[data-tabs]"));
const wanted = location.hash.replace("#", "");
if (LISTS[wanted]) select(`tab-${wanted}`);
addEventListener("beforeunload", (event) => { if (card.typing() || [...document.querySelectorAll("[data-add]")].some(touched)) event.preventDefault(); });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
call("/api/desks", { stay: true }).then(({ items }) => $("#desks").replaceChildren(...items.filter((desk) => desk.active).map((desk) => el("option", { value: desk.code, text: desk.name }))), () => {});
for (const name of Object.keys(LISTS)) load(name);
