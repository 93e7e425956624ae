// A household's file: each part is corrected by itself; after a change the parts that nobody is typing in are read again.
import { $, LOCALE, TIME_ZONE, call, el, listed, say, t } from "./common.js";
import { save, toast, touched } from "./forms.js";
import { offers } from "./needs.js";
import { heldOutcome } from "./outcomes.js";
import { ask } from "./reveal.js";

const parts = $("[data-parts]");
const box = $("[data-toast]");
const household = parts.dataset.household;

function typing(part) {
  return [...part.querySelectorAll("form[data-save]")].some((form) => form.dataset.sending || touched(form));
}

/** Read the page again and put in what is new; where somebody is typing the old part stays. */
async function refresh(stored) {
  let answer;
  try {
    answer = await fetch(location.pathname, { headers: { Accept: "text/html" }, cache: "no-store", credentials: "same-origin" });
  } catch {
    toast(box, t("已保存，但没有网络，看到的还是旧的"));
    return;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-parts]");
  if (!answer.ok || !fresh) {
    // The household, or this account's right to it, is elsewhere now.
    parts.replaceChildren(el("section", { class: "card" }, t("这一户已不在您的网格内。")));
    return;
  }
  const old = new Map([...parts.children].map((part) => [part.dataset.part, part]));
  const done = stored?.closest("[data-part]");
  const next = [...fresh.children].map((part) => {
    const before = old.get(part.dataset.part);
    old.delete(part.dataset.part);
    if (!before || !typing(before)) return document.adoptNode(part);
    return before;
  });
  const kept = [...old.values()].filter((part) => part !== done && typing(part));
  parts.replaceChildren(...next, ...kept);
}

parts.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.save) return;
  event.preventDefault();
  await save(form, async (stored, words) => {
    stored?.reset();
    await refresh(stored);
    toast(box, words);
  });
});

parts.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.reveal) ask(button);
  else if (button.dataset.outcome) heldOutcome(event);
  else if (button.closest("[data-quick]")) {
    const field = document.getElementById(button.closest("[data-quick]").dataset.quick);
    field.value = button.textContent;
    field.focus();
  } else if ("findGo" in button.dataset) find(button.closest("[data-find]"));
});

parts.addEventListener("change", (event) => {
  const fields = event.target.name === "contact" ? event.target.form.querySelector("[data-new-contact]") : null;
  if (fields) fields.hidden = event.target.value !== "";
});

parts.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("[data-find-words]")) return;
  event.preventDefault();
  find(event.target.closest("[data-find]"));
});

function address(home) {
  const unit = home.unit ? (/^\d+$/.test(home.unit) ? t("{unit}单元", { unit: home.unit }) : home.unit) : null;
  return [home.compound_name, home.building_name || home.building, unit, home.room].filter(Boolean).join(" ") || home.code;
}

/** Look for the household that somebody moves to. */
async function find(place) {
  const words = $("[data-find-words]", place).value.trim();
  const list = $("[data-found]", place);
  if (!words) return;
  list.hidden = false;
  try {
    const page = await call("/api/households/search", { method: "POST", json: { q: words, order: "address", limit: 12 }, stay: true });
    const others = page.items.filter((home) => home.code !== household);
    list.replaceChildren(list.firstElementChild, ...others.map((home) => el("label", { class: "chip wide" },
      el("input", { type: "radio", name: "household", value: home.code }), el("span", { text: address(home) }))));
    if (!others.length) list.append(el("p", { class: "muted" }, t("没有找到")));
  } catch (error) {
    say($("[data-message]", place.closest("form")), error);
  }
}

const SUBJECTS = { household: t("户"), resident: t("居民"), need: t("需求"), contact: t("包户联系"), door_code: t("门牌码") };
const FIELDS = {
  created: t("新登记"), name: t("姓名"), sex: t("性别"), birth_date: t("出生日期"), birth_year: t("出生年份"), phone_sealed: t("电话"), id_number_sealed: t("证件号码"),
  care_flags: t("特殊关怀"), guardian_name: t("监护人"), guardian_phone_sealed: t("监护人电话"), guardian_id: t("监护人"), health_needs: t("健康服务需求"),
  moved_in_on: t("迁入"), moved_out_on: t("迁出"), household: t("住户"), unit: t("单元"), room: t("房号"), building: t("楼栋"), colour: t("三色"),
  colour_reason: t("定色理由"), colour_expires_on: t("三色有效至"), colour_confirmed_by: t("三色确认人"), contact: t("联系人"), valid_from: t("自"), valid_to: t("至"),
  revoked_at: t("作废"), resident_left: t("有人迁走"), service: t("服务"), opened_on: t("提出"), closed_on: t("办结"), note: t("备注"), lon: t("经度"), lat: t("纬度"), code: t("编码"),
};

function words(value) {
  if (value === null || value === undefined || value === "") return "—";
  return Array.isArray(value) ? listed(value) || t("无") : String(value);
}

function change([field, pair]) {
  const name = FIELDS[field] ?? field;
  if (pair.changed || field === "created") return el("li", { text: name });
  return el("li", { text: t("{name}：{change}", { name, change: `${words(pair.old)} → ${words(pair.new)}` }) });
}

async function history(details) {
  const list = $("[data-entries]", details);
  try {
    const page = await call(details.dataset.history, { stay: true });
    say($("[data-message]", details), null);
    list.replaceChildren(...page.items.map((entry) => el("li", {},
      el("p", { class: "muted small", text: `${new Date(entry.at).toLocaleString(LOCALE, { timeZone: TIME_ZONE })} · ${entry.by} · ${SUBJECTS[entry.subject] ?? entry.subject}` }),
      el("ul", {}, ...Object.entries(entry.changes).map(change)))));
    if (!page.items.length) list.append(el("li", { class: "muted" }, t("还没有改动")));
  } catch (error) {
    say($("[data-message]", details), error);
  }
}

// "toggle" does not bubble, but it can be caught on its way down.
parts.addEventListener("toggle", (event) => {
  if (event.target.matches("[data-history]") && event.target.open) history(event.target);
  if (event.target.matches("[data-offers]") && event.target.open) offers(event.target);
}, true);

addEventListener("beforeunload", (event) => {
  if ([...parts.children].some(typing)) event.preventDefault();
});
// A page that the browser has kept may be somebody else's who has signed out since.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
