// Forms that are saved one by one: prefilled, sent once, kept as they were typed when anything goes wrong.
// What is typed lives in the page alone, never in the browser's storage: a phone may be shared.
import { $, Problem, Unreachable, bilingual, call, el, listed, say, t } from "./common.js";

const LABELS = { male: t("男"), female: t("女"), red: t("红"), yellow: t("黄"), green: t("绿") };

/** A number for an entry, so that the same form sent twice makes nothing twice. crypto.randomUUID needs https; this does not. */
export function entryNumber() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Whether a person has changed anything in a form. */
export function touched(form) {
  return [...form.elements].some((field) => {
    if (field.type === "hidden" || field.matches("[data-find-words]")) return false;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return field.selectedIndex !== first(field);
    return "defaultValue" in field && field.value !== field.defaultValue;
  });
}

function first(select) {
  const chosen = [...select.options].findIndex((option) => option.defaultSelected);
  return Math.max(chosen, 0);
}

/** The fields of a form by name: what is in them now, what was in them, and how to put something else into them. */
function fieldsOf(form) {
  const fields = new Map();
  for (const box of form.querySelectorAll("[data-list]")) {
    const all = [...box.querySelectorAll("input")];
    fields.set(box.dataset.list, {
      now: all.filter((each) => each.checked).map((each) => each.value),
      was: all.filter((each) => each.defaultChecked).map((each) => each.value),
      label: $("legend", box).textContent.trim(),
      words: (codes) => listed(all.filter((each) => codes.includes(each.value)).map((each) => each.parentNode.textContent.trim())) || t("无"),
      put: (codes) => all.forEach((each) => { each.checked = each.defaultChecked = codes.includes(each.value); }),
    });
  }
  for (const field of form.elements) {
    if (!field.name || field.closest("[data-list]") || field.disabled || field.closest("[hidden]")) continue;
    const read = (text) => (text.trim() === "" ? null : "number" in field.dataset ? Number(text) : "flag" in field.dataset ? text === "true" : text.trim());
    if (field.type === "radio") {
      if (fields.has(field.name)) continue;
      const group = [...form.elements].filter((each) => each.name === field.name);
      fields.set(field.name, {
        now: read(group.find((each) => each.checked)?.value ?? ""),
        was: read(group.find((each) => each.defaultChecked)?.value ?? ""),
        label: field.closest("fieldset")?.querySelector("legend")?.textContent.trim() ?? "",
        words: (value) => LABELS[value] ?? value ?? "—",
        put: (value) => group.forEach((each) => { each.checked = each.defaultChecked = each.value === (value ?? ""); }),
      });
      continue;
    }
    const label = form.querySelector(`label[for="${CSS.escape(field.id)}"]`)?.textContent.trim() ?? "";
    const cleared = form.querySelector(`[data-clears="${CSS.escape(field.name)}"]`)?.checked;
    const hidden = "hidden" in field.dataset;
    fields.set(field.name, {
      now: cleared ? null : read(field.value),
      was: hidden ? (field.dataset.shown || null) : read(field.tagName === "SELECT" ? field.options[first(field)]?.value ?? "" : field.defaultValue),
      unsaid: hidden && !cleared && field.value.trim() === "",
      from: field.dataset.from,
      hidden,
      label,
      words: (value) => LABELS[value] ?? value ?? "—",
      put: (value) => {
        if (hidden) {
          field.value = "";
          field.dataset.shown = value ?? "";
        } else if (field.tagName === "SELECT") {
          for (const option of field.options) option.selected = option.defaultSelected = option.value === (value ?? "");
        } else {
          field.value = field.defaultValue = value ?? "";
        }
      },
    });
  }
  return fields;
}

const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** What a form says: all of it, or only what was changed. */
export function said(form) {
  const changedOnly = "changedOnly" in form.dataset;
  const body = {};
  for (const [name, field] of fieldsOf(form)) {
    if (field.unsaid || (changedOnly && !field.hidden && same(field.now, field.was))) continue;
    body[name] = field.now;
  }
  if (form.dataset.entry) {
    form.dataset.entryNumber ||= entryNumber();
    body[form.dataset.entry] = form.dataset.entryNumber;
  }
  return body;
}

function found(answer, name, field) {
  const value = (field.from ?? name).split(".").reduce((at, part) => at?.[part], answer);
  return Array.isArray(value) ? value.map((each) => each.kind ?? each) : value;
}

/** Show what somebody else has changed since the form was filled, beside what is typed; nothing typed is lost. */
async function compare(form, again) {
  const [now, newest] = await Promise.all([
    call(form.dataset.read, { stay: true }),
    call(`/api/households/${encodeURIComponent($("[data-household]").dataset.household)}/history?limit=1`, { stay: true }).catch(() => null),
  ]);
  const fields = fieldsOf(form);
  const differing = [...fields].filter(([name, field]) => {
    const theirs = found(now, name, field);
    return theirs !== undefined && !same(theirs, field.was);
  });
  form.dataset.tag = now.version;
  const mine = said(form);
  // Sent before, and only the answer was lost: nothing is left to do.
  const done = Object.keys(mine).length > 0 && Object.entries(mine).every(([name, value]) => {
    const field = fields.get(name);
    return field && !field.hidden && same(found(now, name, field), value);
  });
  if (done) return true;
  const box = $("[data-message]", form);
  say(box, null);
  box.hidden = false;
  box.className = "message warn";
  const who = newest?.items?.[0]?.by;
  box.append(who ? t("您填写期间，{who} 改过这份资料。您填的都还在。", { who }) : t("您填写期间，有人改过这份资料。您填的都还在。"));
  if (differing.length) {
    box.append(el("ul", {}, ...differing.map(([name, field]) => el("li", {}, el("strong", { text: t("{name}：", { name: field.label }) }),
      `${field.words(field.was)} → ${field.words(found(now, name, field))}`))));
  }
  const keep = el("button", { class: "button primary wide", type: "button", "data-keep": true }, t("仍按我填的保存"));
  const take = el("button", { class: "button wide", type: "button", "data-take": true }, t("用对方改的"));
  keep.addEventListener("click", () => again());
  take.addEventListener("click", () => {
    for (const [name, field] of differing) field.put(found(now, name, field));
    say(box, null);
  });
  box.append(keep, take);
  keep.focus();
  return false;
}

/** Mark the fields that the service found wrong, and go to the first. */
function point(form, error) {
  for (const field of form.elements) field.removeAttribute("aria-invalid");
  let firstWrong = null;
  for (const fault of error.errors ?? []) {
    const field = form.elements[fault.where.replace(/^body\./, "")];
    if (!(field instanceof HTMLElement)) continue;
    field.setAttribute("aria-invalid", "true");
    firstWrong ??= field;
  }
  firstWrong?.focus();
}

function explain(form, error) {
  const box = $("[data-message]", form);
  if (error.status === 401) {
    say(box, t("登录已过期。您填的还在：请在新页面登录，再回来保存。"), "warn");
    box.append(" ", el("a", { href: "/login", target: "_blank", rel: "noopener" }, t("去登录")));
  } else if (error instanceof Unreachable) {
    say(box, t("没有网络，没有确认存上。您填的还在，有网后再按一次即可，不会重复登记。"), "warn");
  } else {
    say(box, error);
    point(form, error);
  }
  box.scrollIntoView({ block: "nearest" });
}

async function send(form, body) {
  const { save, url, tag } = form.dataset;
  if (save !== "contact") return call(url, { method: save, json: save === "DELETE" ? undefined : body, tag, stay: true });
  // A new contact is entered first; both steps may be sent again.
  let contact = body.contact;
  if (!contact) {
    const { id, name, organisation, phone, grid } = body;
    contact = (await call("/api/contacts", { method: "POST", json: { id, name, organisation, phone, grid: grid || null }, stay: true })).id;
  }
  return call(url, { method: "POST", json: { contact, valid_from: body.valid_from }, stay: true });
}

/** Save a form once; `saved` is called with its words when it is stored. */
export async function save(form, saved) {
  if (form.dataset.sending) return;
  const button = $("button[type=submit]", form);
  const body = said(form);
  if ("changedOnly" in form.dataset && !Object.keys(body).length) {
    say($("[data-message]", form), t("没有改动"), "");
    return;
  }
  form.dataset.sending = "1";
  button.disabled = true;
  form.setAttribute("aria-busy", "true");
  say($("[data-message]", form), null);
  let stored = false;
  try {
    await send(form, body);
    stored = true;
  } catch (error) {
    try {
      if (error instanceof Problem && error.status === 412 && form.dataset.read) stored = await compare(form, () => save(form, saved));
      else if (error instanceof Problem && error.status === 412) saved(null, t("资料刚被改过，请看过新的再来"));
      else explain(form, error);
    } catch (another) {
      explain(form, another);
    }
  }
  delete form.dataset.sending;
  form.removeAttribute("aria-busy");
  button.disabled = false;
  if (stored) {
    delete form.dataset.entryNumber;
    saved(form, form.dataset.done);
  }
}

/** Put a message in two languages into a box that is read out. */
export function toast(box, text) {
  box.replaceChildren(bilingual(text));
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { box.hidden = true; }, 4000);
}
