// The auditor's page: search, page on, export, verify.

import { $, TIME_ZONE, bilingual, call, el, say, t, tn } from "./common.js";

const ACTIONS = JSON.parse($("[data-actions]").textContent);
const ROLES = JSON.parse($("[data-roles]").textContent);
const form = $("[data-search]");
const rows = $("[data-entries]");
const more = $("[data-more]");
const WHEN = new Intl.DateTimeFormat("zh-CN", { dateStyle: "short", timeStyle: "medium", timeZone: TIME_ZONE });
let next = null;
let asked = 0;

/** The day after a date as the form writes it: "to" means that day included. */
function dayAfter(day) {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + 1);
  return date.toISOString().slice(0, 10);
}

function query() {
  const given = new FormData(form);
  const params = new URLSearchParams();
  for (const name of ["account", "action", "subject"]) {
    const value = given.get(name).trim();
    if (value) params.set(name, value);
  }
  if (given.get("from")) params.set("from", `${given.get("from")}T00:00:00+08:00`);
  if (given.get("to")) params.set("to", `${dayAfter(given.get("to"))}T00:00:00+08:00`);
  return params;
}

function details(entry) {
  const detail = JSON.parse(entry.detail);
  const words = Object.entries(detail).filter(([, value]) => value !== null).map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : value}`);
  return words.length ? el("span", { class: "detail", text: words.join(" · ") }) : null;
}

function line(entry) {
  const label = ACTIONS[entry.action];
  return el("tr", {},
    el("td", { class: "no", text: entry.id }),
    el("td", {}, el("time", { datetime: entry.at, text: WHEN.format(new Date(entry.at)) })),
    el("td", {}, entry.account ?? "—", entry.role ? el("span", { class: "detail", text: ROLES[entry.role] ?? entry.role }) : null),
    el("td", {}, label ? bilingual(label) : entry.action, details(entry)),
    el("td", { text: entry.subject ?? "—" }),
    el("td", { text: entry.reason ?? "—" }),
    el("td", {}, entry.address ?? "—", entry.request_id ? el("span", { class: "detail", text: entry.request_id.slice(0, 8) }) : null));
}

async function load(address, { fresh }) {
  const mine = ++asked;
  more.disabled = true;
  say($("[data-error]"), null);
  try {
    const page = await call(address);
    if (mine !== asked) return;
    if (fresh) rows.replaceChildren();
    rows.append(...page.items.map(line));
    next = page.next;
    more.hidden = next === null;
    $("[data-none]").hidden = rows.childElementCount > 0;
  } catch (error) {
    if (mine === asked) say($("[data-error]"), error);
  } finally {
    if (mine === asked) more.disabled = false;
  }
}

function search() {
  return load(`/api/audit?${query()}`, { fresh: true });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
more.addEventListener("click", () => load(next, { fresh: false }));
$("[data-export]").addEventListener("click", () => location.assign(`/api/audit/export?${query()}`));
$("[data-verify]").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  const box = $("[data-verified]");
  button.disabled = true;
  say(box, t("正在核验…"), "");
  try {
    const found = await call("/api/audit/verify", { method: "POST" });
    if (found.fault) {
      say(box, t("{number} 号记录：{fault}", { number: found.bad, fault: bilingual(found.fault) }), "bad");
    } else {
      say(box, tn("{n} 条记录完好。请另行记下链尾 {head}", found.entries, { head: found.head ?? "—" }), "good");
    }
  } catch (error) {
    say(box, error);
  } finally {
    button.disabled = false;
  }
});
search();
