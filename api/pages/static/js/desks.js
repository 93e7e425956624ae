// Desks and time limits: enter and close desks, set how long dispatching and handling may take.
import { $, call, count, el, listed, say, t } from "./common.js";
import { save, toast } from "./forms.js";

const words = JSON.parse($("[data-words]").textContent);
const list = $("[data-desks]");
const message = $("[data-desks-message]");
const limits = $("[data-limits]");
const chosen = $("[data-limit-kind]");
const box = $("[data-toast]");
let inForce = [];

function row(desk) {
  const kinds = listed(desk.kinds.map((kind) => t(words.kinds[kind]))) || t("全部类别");
  const button = el("button", { class: desk.active ? "button danger" : "button", type: "button" }, desk.active ? t("关闭") : t("重开"));
  button.addEventListener("click", () => change(desk, { active: !desk.active }));
  return el("li", { "data-desk": desk.code },
    el("span", { class: "grow" }, el("strong", { text: desk.name }), ` ${desk.code} · ${t(words.levels[desk.level] ?? desk.level)} ${words.areas[desk.area] ?? desk.area} · ${kinds}`),
    el("span", { class: desk.active ? "badge good" : "badge" }, desk.active ? t("✓ 在用") : t("已关闭")), button);
}

async function load() {
  try {
    const { items } = await call("/api/desks");
    say(message, null);
    $("[data-count]").textContent = `(${count(items.length)})`;
    list.replaceChildren(...items.map(row));
    if (!items.length) list.append(el("li", { class: "muted" }, t("还没有承办单位")));
  } catch (error) {
    say(message, error);
  }
}

async function change(desk, json) {
  try {
    await call(`/api/desks/${encodeURIComponent(desk.code)}`, { method: "PATCH", json, tag: desk.version, stay: true });
    await load();
    toast(box, json.active ? t("已重开") : t("已关闭：不再接新事件，在办的照办"));
  } catch (error) {
    await load();
    say(message, error.status === 412 ? t("这个单位刚被别人改过，请看过新的再来") : error);
  }
}

function limitForm({ kind, severity, dispatch_min: dispatch, handle_min: handle, round_the_clock: always }) {
  const at = `l-${severity}`;
  const number = (name, value, label) => el("div", { class: "field" }, el("label", { for: `${at}-${name}` }, label),
    el("input", { id: `${at}-${name}`, name, type: "number", min: 1, value, inputmode: "numeric", "data-number": true }));
  return el("form", { "data-save": "POST", "data-url": "/api/limits", "data-done": t("时限已设定"), "data-severity": severity, novalidate: true },
    el("h3", { text: t(words.severities[severity]) }),
    el("input", { type: "hidden", name: "kind", value: kind }), el("input", { type: "hidden", name: "severity", value: severity }),
    el("div", { class: "fields" },
      number("dispatch_min", dispatch, t("分流（分钟）")), number("handle_min", handle, t("办结（分钟）")),
      el("div", { class: "field" }, el("label", { for: `${at}-clock` }, t("怎么算")),
        el("select", { id: `${at}-clock`, name: "round_the_clock", "data-flag": true },
          el("option", { value: "false", selected: !always, text: t("工作时间") }), el("option", { value: "true", selected: always, text: t("昼夜连续") }))),
      el("div", { class: "field" }, el("button", { class: "button", type: "submit" }, t("设定")))),
    el("div", { class: "message", "data-message": true, role: "alert", hidden: true }));
}

function drawLimits() {
  limits.replaceChildren(...inForce.filter((limit) => limit.kind === chosen.value).map(limitForm));
}

async function loadLimits() {
  try {
    inForce = (await call("/api/limits")).items;
    say($("[data-limits-message]"), null);
    drawLimits();
  } catch (error) {
    say($("[data-limits-message]"), error);
  }
}

chosen.addEventListener("change", drawLimits);
limits.addEventListener("submit", (event) => {
  event.preventDefault();
  save(event.target, (_stored, told) => { toast(box, told); loadLimits(); });
});
$("[data-add]").addEventListener("submit", (event) => {
  event.preventDefault();
  save(event.target, (form, told) => {
    form.reset();
    $("[data-add-box]").open = false;
    toast(box, told);
    load();
  });
});
load();
loadLimits();
