// Texts in the page's language. A text is written in 中文 where it is used; its translation is in linli.texts (maps/language), which the page
// loads before this. What has none, such as a name from data, is shown as it is.
"use strict";
window.linli = window.linli || {};
linli.language = document.documentElement.lang || "zh-CN";
linli.texts = linli.texts || {};
(() => {
  const rules = new Intl.PluralRules(linli.language);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
  const said = (text) => (Object.hasOwn(linli.texts, text) ? linli.texts[text] : text);

  /** Return a text in the page's language with its named places, such as {n}, filled in. */
  linli.t = (text, values) => {
    if (typeof values === "string") return linli.language === "zh-CN" ? text : values || text; // a pair
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

  const numbers = new Intl.NumberFormat(linli.language, { maximumFractionDigits: 2 });
  linli.number = (value) => (value === null || value === undefined ? "–" : numbers.format(value));
})();
