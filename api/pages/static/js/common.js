// What every page needs: elements made safely, texts in the page's language, calls to the service.
// Nothing here ever parses text as HTML, so names from data can only be shown as text.

export const $ = (selector, root = document) => root.querySelector(selector);

/** Make an element. `attributes` may hold `class`, `text`, `on` ({event: handler}) and any attribute; children may be nodes or text. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = linli.unmarked(value);
    else if (name === "class") node.className = value;
    else if (name === "on") Object.entries(value).forEach(([event, handler]) => node.addEventListener(event, handler));
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined).map((child) => (child instanceof Node ? child : linli.unmarked(child))));
  return node;
}

/** The page's language, and the one in which it writes dates and numbers: day before month in English. */
export const LANGUAGE = linli.language;
export const LOCALE = LANGUAGE === "en" ? "en-GB" : LANGUAGE;
/** The place's clock, whatever the browser's is (gis/clock.py). */
export const TIME_ZONE = "Asia/Shanghai";
const CHINESE = LANGUAGE === "zh-CN";

/** A text in the page's language, its named places filled in: t("共 {n} 条", { n }). */
export const t = (text, values) => linli.t(text, values);

/** A text about `n` things, in the number that the language has for so many: tn("{n} 条", n). */
export const tn = (text, n, values) => linli.tn(text, n, values);

/** The page's half of the service's t("中文") texts. */
export const bilingual = (text) => linli.half(text);

/** Several things in one line. */
export const listed = (items) => items.join(CHINESE ? "、" : ", ");

const NUMBER = new Intl.NumberFormat(LOCALE);

/** A count as shown: null is a number too small to tell, undefined is not known. */
export function count(value) {
  if (value === null) return "<5";
  return typeof value === "number" && Number.isFinite(value) ? NUMBER.format(value) : "–";
}

/** A share from 0 to 1 as a percentage; null or undefined is not known. */
export function percent(value) {
  return typeof value === "number" && Number.isFinite(value) ? `${(value * 100).toFixed(value < 0.9995 ? 1 : 0)}%` : "–";
}

/** Metres for people: whole metres to a kilometre, then kilometres. */
export function distance(metres) {
  return metres < 1000 ? t("{n} 米", { n: Math.round(metres) }) : t("{n} 公里", { n: (metres / 1000).toFixed(1) });
}

/** What the service refused, as RFC 9457 told it. */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body?.detail || body?.title || `HTTP ${status}`);
    this.status = status;
    this.errors = Array.isArray(body?.errors) ? body.errors : [];
    this.retryAfter = Number(retryAfter) || null;
    this.needs = body?.needs ?? null;
  }
}

/** The service could not be reached at all. */
export class Unreachable extends Error {
  constructor() {
    super(t("连不上服务器，请检查网络后再试"));
    this.status = 0;
    this.errors = [];
  }
}

export function signInAgain() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** Call the service; JSON in, JSON out. `tag` is the version that was read; an ended session leads to the login page unless `stay` is set. */
export async function call(path, { method = "GET", json, signal, stay = false, tag } = {}) {
  const headers = { Accept: "application/json", "X-Requested-With": "linli" };
  if (tag) headers["If-Match"] = `"${tag}"`;
  if (json !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method, headers, signal, credentials: "same-origin", cache: "no-store",
      body: json === undefined ? undefined : JSON.stringify(json),
    });
  } catch (error) {
    if (error.name === "AbortError" && signal?.aborted) throw error;
    throw new Unreachable();
  }
  const body = await response.json().catch(() => null);
  if (response.ok && response.status !== 204 && body === null) throw new Problem(502, { detail: t("服务器的回答不完整") });
  if (response.ok) return body;
  if (response.status === 401 && !stay) signInAgain();
  throw new Problem(response.status, body, response.headers.get("Retry-After"));
}

/** Show an error, with its faults, in a message box; the box is emptied and hidden without one. */
export function say(box, error, kind = "bad") {
  box.replaceChildren();
  box.hidden = !error;
  box.className = `message ${kind}`;
  if (!error) return;
  box.append(bilingual(typeof error === "string" ? error : error.message));
  if (error.errors?.length) {
    box.append(el("ul", {}, ...error.errors.slice(0, 20).map((fault) =>
      el("li", {}, el("strong", { text: `${fault.where} ` }), bilingual(fault.message)))));
  }
}

/** A labelled bar; its text says the value, the bar repeats it. `share` from 0 to 1, or null for unknown. */
export function bar(label, share, value, extra = "") {
  const fill = el("div", { class: `fill ${extra}${share ? "" : " none"}` });
  fill.style.width = `${Math.max(0, Math.min(1, share || 0)) * 100}%`;
  return el("li", {},
    el("span", { class: "label", text: label, title: label }),
    el("span", { class: "track", "aria-hidden": "true" }, fill),
    el("span", { class: "value num", text: value }));
}

/** Opening hours as people write them. */
export const hours = (text) => linli.hours(text);
