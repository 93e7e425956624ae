// What the zoning check found, as lists; each finding shows its place on the map.
import { count, el, listed, t, tn } from "./common.js";

const KINDS = [
  ["overlaps", t("网格重叠")],
  ["gaps", t("未覆盖的空隙")],
  ["strays", t("不在任何网格内的住户")],
  ["oversize", t("规模偏大")],
  ["undersize", t("规模偏小")],
];

/** How many of each kind are listed. */
export const MOST = 200;

const REASONS = { "no position": t("没有位置"), "outside every grid": t("不在任何网格内") };

function asFeatures(found) {
  if (Array.isArray(found)) return found;
  return Array.isArray(found?.features) ? found.features : [];
}

/** What a finding is called, where, and how large. */
function told(feature) {
  const facts = feature.properties || {};
  const codes = [facts.codes, facts.code, facts.community].flat().filter(Boolean);
  const sizes = [];
  if (facts.area_m2 !== undefined) sizes.push(t("{n} 平方米", { n: count(Math.round(facts.area_m2)) }));
  if (facts.households !== undefined) sizes.push(tn("{n} 户", facts.households, { n: count(facts.households) }));
  const name = facts.name || REASONS[facts.reason] || facts.reason || "";
  return [
    el("span", { class: "name", text: name || listed(codes) }),
    el("span", { class: "size num", text: sizes.join(" ") }),
    name && codes.length ? el("span", { class: "code", text: listed(codes) }) : null,
  ].filter(Boolean);
}

function finding(feature, isGrid) {
  if (!feature.geometry && !isGrid) return el("li", {}, el("span", { class: "finding" }, ...told(feature)));
  const say = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
  const show = () => (isGrid ? say("linli:show-grid", { code: feature.properties.code }) : say("linli:show", { feature }));
  return el("li", {}, el("button", { class: "finding", type: "button", title: t("在地图上看"), on: { click: show } }, ...told(feature)));
}

/** Return the list of findings and how many there are. */
export function zoning(report) {
  let total = 0;
  const groups = [];
  for (const [key, label] of KINDS) {
    const found = asFeatures(report[key]);
    const number = typeof report[key]?.count === "number" ? report[key].count : found.length;
    total += number;
    if (!number) continue;
    groups.push(el("details", {},
      el("summary", {}, el("span", { class: "what" }, label), el("span", { class: "badge warn", text: count(number) })),
      el("ul", {}, ...found.slice(0, MOST).map((feature) => finding(feature, key.endsWith("size"))))));
  }
  const node = total
    ? el("div", { class: "findings" }, ...groups)
    : el("p", { class: "message good" }, t("没有发现重叠、空隙和规模问题。"));
  return { node, total };
}
