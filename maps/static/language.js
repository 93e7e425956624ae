// Texts in the page's language. A text is written in 中文 where it is used; its translation is in linli.texts (maps/language), which the page
// loads before this. What has none, such as a name from data, is shown as it is.
"use strict";
window.linli = window.linli || {};
linli.language = document.documentElement.lang || "zh-CN";
linli.texts = linli.texts || {};
(() => {
  const rules = new Intl.PluralRules(linli.language);
  const MARKS = /[\u061c\u200e\u200f\u202a-\u202e]/g; // not seen, but they turn the direction of what stands beside them
  const ISOLATES = /[\u2066-\u2069]/g;
  const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

  /** Return a text without signs that turn the direction of what stands beside it (Unicode UAX #9); isolates that are closed stay. */
  linli.unmarked = (text) => {
    const plain = String(text).replace(MARKS, "");
    let open = 0;
    for (const [sign] of plain.matchAll(ISOLATES)) {
      open += sign === "\u2069" ? -1 : 1;
      if (open < 0) break;
    }
    return open ? plain.replace(ISOLATES, "") : plain;
  };

  // What is filled into a sentence keeps its own direction to itself.
  const apart = (value) => {
    const plain = linli.unmarked(value);
    return RIGHT_TO_LEFT.test(plain) ? `\u2068${plain}\u2069` : plain;
  };
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (place, name) => (name in values ? apart(values[name]) : place));
  const said = (text) => (Object.hasOwn(linli.texts, text) ? linli.texts[text] : text);

  /** Return a text in the page's language with its named places, such as {n}, filled in. */
  linli.t = (text, values) => {
    const found = said(text);
    const one = Array.isArray(found) ? found[found.length - 1] : found;
    return values ? fill(one, values) : one;
  };

  /** Return a text about `n` things; `{n}` is the number as people write it. */
  linli.tn = (text, n, values = {}) => {
    const found = said(text);
    const form = Array.isArray(found) ? found[rules.select(Number(n)) === "one" ? 0 : found.length - 1] : found;
    return fill(form, { n: linli.number ? linli.number(n) : n, ...values });
  };

  /** Return this language's half of a text such as “未找到 / not found”, as the service's errors have them. */
  linli.half = (text) => {
    const at = String(text).indexOf(" / ");
    if (at < 0) return linli.t(String(text));
    return linli.language === "zh-CN" ? text.slice(0, at) : text.slice(at + 3);
  };

  const days = {
    Mo: linli.t("周一"), Tu: linli.t("周二"), We: linli.t("周三"), Th: linli.t("周四"), Fr: linli.t("周五"), Sa: linli.t("周六"), Su: linli.t("周日"),
    PH: linli.t("节假日"), SH: linli.t("学校假期"),
  };
  const MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";
  const chinese = linli.language === "zh-CN";
  const month = (name) => (chinese ? `${MONTHS.split("|").indexOf(name) + 1}月` : name);
  const DAY = "Mo|Tu|We|Th|Fr|Sa|Su|PH|SH";

  /** Return OpenStreetMap's opening hours as people write them, 周一至周五 11:00–13:00; what is no plain day or time stays as it is. */
  linli.hours = (text) => {
    const plain = String(text || "").trim();
    if (!plain || plain === "24/7") return linli.t("全天");
    const range = (one, other) => linli.t("{from}至{to}", { from: one, to: other });
    return plain
      .replace(/\bMo-Su\b/g, linli.t("每天"))
      .replace(new RegExp(`\\b(${DAY})-(${DAY})\\b`, "g"), (all, from, to) => range(days[from], days[to]))
      .replace(new RegExp(`\\b(${MONTHS})-(${MONTHS})\\b`, "g"), (all, from, to) => range(month(from), month(to)))
      .replace(new RegExp(`\\b(${DAY})\\b`, "g"), (day) => days[day])
      .replace(new RegExp(`\\b(${MONTHS})\\b`, "g"), month)
      .replace(/\boff\b|\bclosed\b/g, linli.t("休息"))
      .replace(/(\d\d:\d\d)-(\d\d:\d\d)/g, "$1\u2060–\u2060$2")
      .replace(/\s*;\s*/g, chinese ? "；" : "; ")
      .replace(/\s*,\s*/g, chinese ? "、" : ", ");
  };

  const numbers = new Intl.NumberFormat(linli.language, { maximumFractionDigits: 2 });
  linli.number = (value) => (value === null || value === undefined ? "–" : numbers.format(value));
})();
