// Small charts as SVG, made of elements, each with its figures as a table for those who do not see it. No library: a page's budget is small.
import { count, el, t } from "./common.js";

const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const words = (text, x, y, attributes = {}) => shape("text", { x, y, ...attributes }, document.createTextNode(text));

function figure(drawn, caption, head, rows) {
  const table = el("table", { class: "visually-hidden" }, el("caption", { text: caption }),
    el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, ...rows.map(([first, ...cells]) => el("tr", {}, el("th", { scope: "row", text: first }), ...cells.map((text) => el("td", { text }))))));
  drawn.setAttribute("aria-hidden", "true");
  return el("figure", { class: "drawing" }, drawn, table);
}

/** Who lives there by age, as one bar in parts: `parts` are {label, value, colour}; a value too small to tell (null) has no part. */
export function ages(caption, parts) {
  const [wide, high] = [320, 26];
  const whole = parts.reduce((sum, { value }) => sum + (value || 0), 0);
  const drawn = shape("svg", { viewBox: `0 0 ${wide} ${high}`, class: "ages", preserveAspectRatio: "none" });
  let x = 0;
  for (const { value, colour } of parts) {
    const width = whole ? ((value || 0) / whole) * wide : 0;
    drawn.append(shape("rect", { x, y: 0, width: Math.max(0, width - 1.5), height: high, fill: colour, rx: 2 }));
    x += width;
  }
  const made = figure(drawn, caption, [t("年龄"), t("人数")], parts.map(({ label, value }) => [label, count(value)]));
  const key = el("ul", { class: "drawing-key", "aria-hidden": "true" }, ...parts.map(({ label, value, colour }) => {
    const sign = el("span", { class: "sign" });
    sign.style.background = colour;
    return el("li", {}, sign, label, el("strong", { text: count(value) }));
  }));
  made.append(key);
  return made;
}

const LOOKS = { opened: "#b4590d", closed: "#17616b" };

/** Needs opened and closed in each month: rows of {month, opened, closed}; too few to tell is a pale stub and never a height. */
export function months(caption, rows) {
  const [wide, high, foot, left] = [340, 132, 20, 26];
  const most = Math.max(5, ...rows.flatMap(({ opened, closed }) => [opened || 0, closed || 0]));
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000].find((one) => most / one <= 3) || 20000;
  const top = Math.ceil(most / step) * step;
  const y = (value) => 6 + (high - foot - 6) * (1 - value / top);
  const drawn = shape("svg", { viewBox: `0 0 ${wide} ${high}`, class: "months" });
  for (let value = 0; value <= top; value += step) {
    drawn.append(shape("line", { x1: left, x2: wide, y1: y(value), y2: y(value), class: value ? "rule" : "axis" }), words(String(value), left - 5, y(value) + 3.5, { "text-anchor": "end" }));
  }
  const each = (wide - left) / rows.length;
  rows.forEach((row, i) => {
    const x = left + i * each;
    ["opened", "closed"].forEach((key, k) => {
      const value = row[key];
      const height = value === null ? 3 : y(0) - y(value);
      const bar = shape("rect", { x: x + each * (0.12 + k * 0.39), y: y(0) - height, width: each * 0.36, height, fill: value === null ? "#c3cbc9" : LOOKS[key] });
      bar.append(shape("title", {}, document.createTextNode(`${row.month} ${key === "opened" ? t("新增") : t("办结")} ${count(value)}`)));
      drawn.append(bar);
    });
    if (i % 3 === 0) drawn.append(words(row.month.slice(2), x + each / 2, high - 5, { "text-anchor": "middle" }));
  });
  const made = figure(drawn, caption, [t("月份"), t("新增"), t("办结")], rows.map((row) => [row.month, count(row.opened), count(row.closed)]));
  made.append(el("ul", { class: "drawing-key", "aria-hidden": "true" }, ...[["opened", t("新增")], ["closed", t("办结")], [null, t("不足5件")]].map(([key, label]) => {
    const sign = el("span", { class: "sign" });
    sign.style.background = LOOKS[key] || "#c3cbc9";
    return el("li", {}, sign, label);
  })));
  return made;
}
