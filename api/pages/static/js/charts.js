// A small bar chart of months, drawn as plain SVG: no library needed for two series.

const NS = "http://www.w3.org/2000/svg";

function shape(name, attributes, text) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** A round number at or above `value`: 1, 2 or 5 times a power of ten. */
export function roundUp(value) {
  if (value <= 5) return 5;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

/**
 * Draw months [{month: "2026-01", opened, closed}] into an <svg>. A count too small to tell (null) is a pale stub, not a gap.
 */
export function trend(svg, months) {
  const letter = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const [width, height] = [svg.clientWidth || 560, svg.clientHeight || 250];
  const [left, right, top, bottom] = [3.2 * letter, 0.4 * letter, 0.8 * letter, 1.8 * letter];
  const small = { "font-size": letter };
  const most = roundUp(Math.max(0, ...months.flatMap((month) => [month.opened ?? 0, month.closed ?? 0])));
  const y = (value) => top + (height - top - bottom) * (1 - value / most);
  const step = (width - left - right) / Math.max(1, months.length);
  const every = Math.max(1, Math.ceil(months.length / 6));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-label", `需求趋势：${months.map((m) => `${m.month} 新增 ${m.opened ?? "<5"} 办结 ${m.closed ?? "<5"}`).join("；")}`);
  svg.replaceChildren();
  for (const value of [0, most / 2, most]) {
    svg.append(shape("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "axis" }));
    if (Number.isInteger(value)) svg.append(shape("text", { x: left - letter / 2, y: y(value) + letter / 3, "text-anchor": "end", ...small }, value));
  }
  months.forEach((month, index) => {
    const start = left + index * step;
    const bar = Math.max(2, step * 0.36);
    ["opened", "closed"].forEach((series, place) => {
      const value = month[series];
      const x = start + step * 0.12 + place * (bar + 1);
      const topEdge = value === null ? y(0) - letter / 3 : y(value);
      svg.append(shape("rect", {
        x, y: topEdge, width: bar, height: Math.max(0, y(0) - topEdge), rx: 1.5, class: series, opacity: value === null ? 0.4 : 1,
      }));
    });
    if ((months.length - 1 - index) % every === 0) {
      svg.append(shape("text", { x: start + step / 2, y: height - letter / 2, "text-anchor": "middle", ...small }, `${Number(month.month.slice(5))}月`));
    }
  });
}
