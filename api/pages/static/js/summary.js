// The summary of one grid, drawn from GET /api/grids/{code}/summary.
import { bar, count, el, percent, t } from "./common.js";

const COLOURS = [["red", "红", "weekly"], ["yellow", "黄", "periodic"], ["green", "绿", "routine"]];
const FIGURES = [
  ["households", "户数", "households", "户"], ["residents", "居民", "residents", "人"],
  ["elders_60", "60岁及以上", "aged 60+", "人"], ["children_12", "12岁及以下", "aged 0–12", "人"],
];

function figures(data) {
  return el("dl", { class: "figures" }, ...FIGURES.map(([key, zh, en, unit]) =>
    el("div", {}, el("dt", {}, t(zh, en)),
      el("dd", { "data-figure": key }, count(data[key]), el("span", { class: "unit", text: unit })))));
}

function section(zh, en, ...children) {
  return [el("h3", { class: "section-title" }, t(zh, en)), ...children];
}

/** Rows {label, value} from a mapping, largest first; a suppressed value (null) comes last but is shown. */
function rows(values, labels) {
  return Object.entries(values || {})
    .map(([key, value]) => ({ label: labels[key] || key, value }))
    .filter((row) => row.value !== 0)
    .sort((a, b) => (b.value ?? 0.5) - (a.value ?? 0.5));
}

function counted(values, labels) {
  const list = rows(values, labels);
  const most = Math.max(1, ...list.map((row) => row.value ?? 0));
  if (!list.length) return el("p", { class: "muted small" }, t("没有记录。", "None."));
  return el("ul", { class: "bars" }, ...list.map((row) => bar(row.label, (row.value ?? 0) / most, count(row.value))));
}

/** Return the node that shows the summary; `labels` are the names of services and care flags. */
export function summary(data, { services, care_flags: flags }) {
  const box = el("div", { class: "summary" },
    el("div", { class: "grid-head" }, el("h2", { text: data.name || data.code }), el("p", { class: "code", text: data.code })),
    el("p", { class: "visually-hidden", text: "网格概况" }),
    figures(data));
  const colours = data.colours || {};
  if (Object.keys(colours).length) {
    box.append(...section("三色管理", "Colours", el("ul", { class: "colours" }, ...COLOURS.map(([key, zh, en]) =>
      el("li", { class: key }, el("strong", { text: count(colours[key] === undefined ? 0 : colours[key]) }), t(zh, en))))));
  }
  box.append(...section("未办结需求", "Open needs", el("p", {}, el("strong", { class: "big", text: count(data.needs_open) }), " 件")));
  // The least covered first: that is what a planner has to see.
  const covered = Object.entries(data.covered_share || {}).sort(([, a], [, b]) => (a ?? 2) - (b ?? 2));
  if (covered.length) {
    box.append(...section("15分钟服务覆盖", "Households covered", el("ul", { class: "bars" }, ...covered.map(([key, share]) =>
      bar(services[key] || key, share, percent(share))))));
  }
  if (data.care_flags) box.append(...section("特殊关怀", "Care flags", counted(data.care_flags, flags)));
  return box;
}
