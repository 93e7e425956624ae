// The summary of one grid, drawn from GET /api/grids/{code}/summary.
import { bar, count, el, percent, t } from "./common.js";
import { ages, months } from "./drawings.js";

const COLOURS = [["red", t("红")], ["yellow", t("黄")], ["green", t("绿")]];
const FIGURES = [
  ["households", t("户数"), t("户")], ["residents", t("居民"), t("人")],
  ["elders_60", t("60岁及以上"), t("人")], ["children_12", t("12岁及以下"), t("人")],
];

function figures(data) {
  return el("dl", { class: "figures" }, ...FIGURES.map(([key, label, unit]) =>
    el("div", {}, el("dt", {}, label),
      el("dd", { "data-figure": key }, count(data[key]), el("span", { class: "unit", text: unit })))));
}

/** Who lives there by age; those between are the rest, which fives may make a little too few or too many. */
function byAge({ residents, elders_60: elders, children_12: children }) {
  if (!residents) return [];
  const rest = Math.max(0, residents - (elders ?? 0) - (children ?? 0));
  return section(t("年龄构成"), ages(t("年龄构成"), [
    { label: t("0–12岁"), value: children, colour: "#c9862b" }, { label: t("13–59岁"), value: rest, colour: "#8fb3b0" },
    { label: t("60岁及以上"), value: elders, colour: "#1d5f80" },
  ]));
}

function section(label, ...children) {
  return [el("h3", { class: "section-title" }, label), ...children];
}

/** Rows {label, value} from a mapping, largest first; a suppressed value (null) comes last but is shown. */
function rows(values, labels) {
  return Object.entries(values || {})
    .map(([key, value]) => ({ label: t(labels[key] || key), value }))
    .filter((row) => row.value !== 0)
    .sort((a, b) => (b.value ?? 0.5) - (a.value ?? 0.5));
}

function counted(values, labels) {
  const list = rows(values, labels);
  const most = Math.max(1, ...list.map((row) => row.value ?? 0));
  if (!list.length) return el("p", { class: "muted small" }, t("没有记录。"));
  return el("ul", { class: "bars" }, ...list.map((row) => bar(row.label, (row.value ?? 0) / most, count(row.value))));
}

/** Return the node that shows the summary; `labels` are the names of services and care flags. */
export function summary(data, { services, care_flags: flags }) {
  const box = el("div", { class: "summary" },
    el("div", { class: "grid-head" }, el("h2", { text: data.name || data.code }), el("p", { class: "code", text: data.code })),
    el("p", { class: "visually-hidden", text: t("网格概况") }),
    figures(data));
  box.append(...byAge(data));
  box.append(...section(t("未办结需求"), el("p", {}, el("strong", { class: "big", text: count(data.needs_open) }), ` ${t("件")}`)));
  if (data.needs_by_month?.length) {
    const title = t("近12个月需求");
    box.append(...section(title, months(title, data.needs_by_month)));
  }
  const colours = data.colours || {};
  if (Object.keys(colours).length) {
    box.append(...section(t("三色管理"), el("ul", { class: "colours" }, ...COLOURS.map(([key, label]) =>
      el("li", { class: key }, el("strong", { text: count(colours[key] === undefined ? 0 : colours[key]) }), label)))));
  }
  // The least covered first: that is what a planner has to see.
  const covered = Object.entries(data.covered_share || {}).sort(([, a], [, b]) => (a ?? 2) - (b ?? 2));
  if (covered.length) {
    box.append(...section(t("15分钟服务覆盖"), el("ul", { class: "bars" }, ...covered.map(([key, share]) =>
      bar(t(services[key] || key), share, percent(share))))));
  }
  if (data.care_flags) box.append(...section(t("特殊关怀"), counted(data.care_flags, flags)));
  return box;
}
