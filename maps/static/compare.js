// Two measures, or one at two times, side by side: two maps that move together, each with its own legend, and what differs in words.
"use strict";
(() => {
  /** Let two maps show the same place. Each leads while it is moved; what it makes the other do is not sent back. */
  linli.together = (one, other) => {
    let leading = null;
    const lead = (from, to) => from.on("move", () => {
      if (leading) return;
      leading = from;
      try {
        if (from.getZoom() !== to.getZoom()) to.setView(from.getCenter(), from.getZoom(), { animate: false });
        else {
          const by = to.project(from.getCenter()).subtract(to.project(to.getCenter())).round();
          if (by.x || by.y) to.panBy(by, { animate: false });
        }
      } finally { leading = null; }
    });
    lead(one, other);
    lead(other, one);
  };

  class Side {
    constructor(map, pick) {
      this.map = map;
      this.now = null;
      this.chosen = linli.outline(map);
      this.layer = linli.gridLayer(map, {
        look: (code) => (this.now ? this.now.look(code) : null), tip: (code, name) => pick.tip(code, name), click: (code) => pick.click(code),
      });
      this.layer.addTo(map);
      this.title = linli.el("h3", {});
      this.list = linli.el("ul", {});
      const legend = linli.el("section", { class: "linli-legend", "aria-label": linli.t("图例") }, this.title, this.list);
      this.key = linli.el("div", { class: "linli-key" }, legend);
      linli.foldable(this.key);
      map.getContainer().append(this.key);
    }

    show(found) {
      this.now = linli.measured(found);
      this.layer.rerenderTiles();
      this.title.replaceChildren(linli.measureTitle(found));
      linli.legend(this.list, this.now.rows(), false, linli.shadeOpacity);
    }
  }

  /** Return what differs, in words. */
  function told({ difference, left, right, common }) {
    const line = (text) => linli.el("p", {}, text);
    if (!difference) return [line(linli.t("两个指标单位不同，不计差异；颜色各按各的分级。"))];
    const values = Object.values(difference.values).filter((value) => value !== null);
    const total = values.reduce((sum, value) => sum + value, 0);
    const unit = linli.t(difference.unit);
    const counts = [
      [linli.t("升高"), difference.rose], [linli.t("降低"), difference.fell], [linli.t("相同"), difference.same], [linli.t("无法比较"), difference.unknown],
    ];
    const list = linli.el("dl", {}, ...counts.map(([label, n]) => linli.el("div", {}, linli.el("dt", {}, label), linli.el("dd", {}, linli.number(n)))));
    const adds = ["户", "人", "件"].includes(difference.unit);
    return [
      linli.el("h3", {}, linli.t("右图减左图（网格数）")), list,
      adds && values.length ? line(linli.t("可比较的网格合计：{sum} {unit}", { sum: signed(total), unit })) : null,
      left.key === right.key && left.from === right.from && left.to === right.to ? line(linli.t("两图相同，请换一个指标或时段。")) : null,
      common ? null : line(linli.t("两图分级不同，颜色不能互比。")),
    ].filter(Boolean);
  }

  const signed = (n) => (n > 0 ? `+${linli.number(n)}` : n < 0 ? `−${linli.number(-n)}` : "±0");

  /** The comparison of two maps. Settings: ground and labels of the second map. */
  linli.compare = (left, settings) => {
    const { view } = left;
    const part = (name) => view.querySelector(`[data-${name}]`);
    const node = linli.el("div", { class: "linli-map", id: "compare-map-right", role: "region", "aria-label": linli.t("右图") });
    left.getContainer().after(node);
    const right = linli.map(node.id, { ...left.options.settings, share: false, controls: false });
    right.busy = left.busy; // one page: it is busy while either is
    right.setView(left.getCenter(), left.getZoom(), { animate: false });
    linli.ground(right, settings.ground).addTo(right);
    const row = (side, code) => [linli.measureTitle(side.now.found), side.now.said(code)];
    let found = null;
    const pick = {
      click: (code) => { for (const side of sides) side.chosen.draw(code, false); },
      tip: (code, name) => {
        const rows = found ? sides.map((side) => row(side, code)) : [];
        const by = found && found.difference ? found.difference.values[code] : null;
        if (typeof by === "number") rows.push([linli.t("右减左"), `${signed(by)} ${linli.t(found.difference.unit)}`]);
        return linli.gridTip(code, name, rows);
      },
    };
    const sides = [left, right].map((map) => new Side(map, pick));
    linli.labels(right, settings.labels).addTo(right);
    linli.together(left, right);
    const months = [...part("from-left").options].map((option) => option.value); // the newest first
    if (months.length >= 6) {
      [["from-left", 5], ["to-left", 3], ["from-right", 2], ["to-right", 0]].forEach(([name, i]) => { part(name).value = months[i]; });
    }
    const fields = ["measure-left", "from-left", "to-left", "measure-right", "from-right", "to-right", "scheme", "k", "palette"];
    const common = { get: () => (part("common").checked ? "1" : "0"), set: (value) => { part("common").checked = value !== "0"; } };
    linli.share(left, { ...Object.fromEntries(fields.map((name) => [name, linli.sharedField(part(name))])), common });
    // Once the legends have their height, the place is shown above them; who has moved the map keeps it.
    let cleared = false;
    const clearLegends = () => {
      const foot = Math.max(...sides.map(({ key }) => key.offsetHeight)) + 20;
      if (cleared || !left.home || !left.isHome() || left.getSize().y < 1.8 * foot) return;
      cleared = true;
      left.fitBounds(left.home, { paddingTopLeft: [8, 8], paddingBottomRight: [8, foot], animate: false });
      left.setHome();
    };
    const shown = () => {
      const asked = ["left", "right"].map((side) => [side, linli.measureAsked(view, `-${side}`)]);
      const query = Object.fromEntries(asked.flatMap(([side, one]) => [[side, one.measure], [`${side}_from`, one.from], [`${side}_to`, one.to]]));
      return { ...query, scheme: part("scheme").value, k: part("k").value, palette: part("palette").value, common: part("common").checked };
    };
    left.comparison = { shown };
    const load = linli.latest(left, "comparison", async (signal) => {
      found = await linli.get(left, left.options.urls.comparison, shown(), signal);
      sides[0].show(found.left);
      sides[1].show(found.right);
      part("difference").replaceChildren(...told(found));
      clearLegends();
    });
    view.querySelector("[data-compare-form]").addEventListener("change", () => load());
    view.querySelector("[data-compare-form]").addEventListener("submit", (event) => event.preventDefault());
    for (const name of ["refresh", "imported"]) linli.hear(name, () => load());
    load();
    return sides[0].layer;
  };
})();
