// Needs by place: cells or grids, as heat, counts, rates, or hot and cold spots; by service, kind of household and months.
"use strict";
(() => {
  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000];
  const SURE = 0.01; // spots of so small a q-value are drawn stronger

  /** Return at most six rising edges 0–1–2–5–10… that hold every value up to `most`, none of them below `least` but 0. */
  function edges(most, least) {
    const steps = STEPS.filter((edge) => edge >= least);
    const top = steps.findIndex((edge) => edge >= most);
    const last = top < 0 ? steps.length - 1 : Math.max(top, 1);
    return [0, ...steps.slice(Math.max(0, last - 4), last + 1)];
  }

  const rgb = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  const none = (value) => value === null || value === undefined;

  class Needs {
    constructor(map, settings) {
      this.map = map;
      this.settings = settings;
      this.part = (name) => map.view.querySelector(`[data-${name}]`);
      this.all = (name) => [...map.view.querySelectorAll(`[data-${name}]`)];
      this.now = null; // what is shown: key, unit, mode, answer, units (each one's facts), and for classes the scale
      this.scale = null; // breaks and hottest place of these needs over all months: they do not move with the sliders
      this.load = linli.latest(map, "needs", (signal, afresh) => this.fetch(signal, afresh));
      const load = () => this.load();
      this.months = new linli.Months(this.part, settings.months, load, linli.soon(map, "months", 200, load));
      this.heat = new linli.Heat(settings.ramp.map(rgb));
      this.squares = linli.needCells(map, { look: (facts) => this.look(facts), tip: (facts) => linli.el("div", {}, ...this.lines(facts).map(line)) });
      this.grids = linli.gridLayer(map, {
        look: (code) => this.gridLook(code), tip: (code, name) => linli.gridTip(code, name, this.lines(this.factsOf(code))),
      });
      map.needs = this;
      this.listen();
      this.share();
      this.allow();
      this.load();
    }

    /** Keep what is chosen in the page's address. */
    share() {
      const choice = (name) => [name, linli.sharedChoice(this.map.view, `[data-${name}]`)];
      const field = (name) => [name, linli.sharedField(this.part(name))];
      const { months } = this.settings;
      const month = (name) => [name, {
        get: () => months[Number(this.part(`month-${name}`).value)],
        set: (value) => { if (months.includes(value)) this.part(`month-${name}`).value = months.indexOf(value); },
      }];
      linli.share(this.map, Object.fromEntries([
        ...["service", "colour", "age", "unit", "mode"].map(choice), ...["radius", "size", "scheme", "k", "basis"].map(field),
        ...(months.length ? ["from", "to"].map(month) : []),
      ]));
      if (months.length) this.months.say();
      this.part("radius-text").replaceChildren(this.part("radius").value);
    }

    chosen(name) { return this.all(name).filter((box) => box.checked && !box.disabled).map((box) => box.value).filter(Boolean); }

    unit() { return this.chosen("unit")[0]; }

    mode() { return this.chosen("mode")[0]; }

    radius_m() { return Number(this.part("radius").value); }

    /** Return the parameters of the filters, as the server's queries take them. */
    asked() {
      return {
        service: this.chosen("service"), colour: this.chosen("colour"), age: this.chosen("age"),
        ...(this.unit() === "cells" ? { size_m: this.part("size").value } : {}),
      };
    }

    /** Return what is shown and how, for paper and files. */
    shown() {
      const [scheme, k] = ["scheme", "k"].map((name) => this.part(name).value);
      const period = this.months.isWhole() ? {} : this.months.asked();
      return { ...this.asked(), ...period, by: this.unit(), mode: this.mode(), measure: this.part("basis").value, radius_m: this.radius_m(), scheme, k };
    }

    // What is asked for; what is there already is not asked again.
    async fetch(signal, afresh) {
      const [unit, mode] = [this.unit(), this.mode()];
      const { urls } = this.map.options;
      const asked = this.asked();
      const spots = mode === "spots";
      const classes = unit === "grids" ? { measure: mode, scheme: this.part("scheme").value, k: this.part("k").value } : { form: "columns" };
      const more = spots ? { by: unit, measure: this.part("basis").value } : classes;
      const url = spots ? urls.need_hotspots : urls[unit === "cells" ? "need_cells" : "need_grids"];
      const ask = async (period) => {
        const answer = await linli.get(this.map, url, { ...asked, ...more, ...period }, signal);
        if (unit === "cells" && !answer.features) answer.features = linli.needFeatures(answer);
        return answer;
      };
      const scaleKey = JSON.stringify([url, asked, more]);
      const key = JSON.stringify([scaleKey, this.months.asked()]);
      if (afresh || !this.now || this.now.key !== key) {
        const kept = !afresh && this.scale && this.scale.key === scaleKey ? this.scale : null;
        const scale = spots ? null : kept || this.scaleOf(scaleKey, unit, await ask(this.months.whole()));
        const answer = !spots && this.months.isWhole() ? scale.whole : await ask(this.months.asked());
        const units = unit === "cells" ? answer.features.map((f) => f.properties) : answer.grids;
        this.scale = scale;
        this.now = { key, unit, answer, units, byCode: unit === "cells" ? null : new Map(units.map((row) => [row.code, row])) };
      }
      this.now.mode = mode;
      this.paint();
    }

    scaleOf(key, unit, whole) {
      const scale = { key, whole, breaks: {}, colours: {}, points: [] };
      if (unit === "grids") {
        scale.breaks[whole.measure] = whole.breaks;
        scale.colours[whole.measure] = this.settings.classes[whole.colours.length] || [];
        return scale;
      }
      scale.points = linli.needWeights(whole.features);
      for (const name of ["count", "rate"]) {
        const least = name === "count" ? whole.people_in || 1 : 1;
        scale.breaks[name] = edges(whole.features.reduce((most, f) => Math.max(most, f.properties[name] || 0), least), least);
        scale.colours[name] = this.settings.classes[scale.breaks[name].length - 1];
      }
      return scale;
    }

    /** Return which value of a unit is shown by colour. */
    measure() { return this.now.mode === "rate" ? "rate" : "count"; }

    /** Return how a unit looks: `{fill}`, `{pattern}` dots (too few to show) or hatch (nothing known), or `{zero}`. */
    look(facts) {
      if (this.now.mode === "spots") return this.spotLook(facts);
      if (facts.suppressed) return { pattern: "dots" };
      if (facts.households === 0 && facts.count === 0) return { pattern: "hatch" };
      const value = facts[this.measure()];
      if (none(value)) return facts.count === 0 ? { zero: true } : { pattern: "dots" };
      if (value === 0) return { zero: true };
      const { breaks, colours } = this.scale;
      return { fill: colours[this.measure()][linli.classOf(value, breaks[this.measure()])] };
    }

    spotLook({ spot, q }) {
      if (none(spot)) return { pattern: "hatch" };
      if (spot === "none") return { zero: true };
      return { fill: this.settings.spots[spot][q <= SURE ? 0 : 1] };
    }

    factsOf(code) { return this.now && this.now.byCode ? this.now.byCode.get(code) : null; }

    gridLook(code) {
      const facts = this.factsOf(code);
      if (!facts) return null;
      const look = this.look(facts);
      return look.zero ? { fill: "rgba(255, 255, 255, 0.4)" } : look;
    }

    /** Return what is told of a unit: lines of label and text. */
    lines(facts) {
      if (!facts) return [];
      const few = linli.word("suppressed.cell");
      const known = (value) => (none(value) ? few : linli.number(value));
      const rows = [[linli.word("needs"), facts.suppressed ? few : known(facts.count)], [linli.word("households"), known(facts.households)]];
      if (!facts.suppressed && !none(facts.rate)) rows.push([linli.word("rate"), linli.number(facts.rate)]);
      if (this.now.mode === "spots") rows.push([linli.t("冷热点"), this.spotWords(facts)]);
      return rows;
    }

    spotWords({ spot, z }) {
      if (none(spot)) return linli.t("未检验");
      const word = { hot: linli.t("热点"), cold: linli.t("冷点"), none: linli.t("不显著") }[spot];
      return `${word} z = ${linli.number(z)}`;
    }

    paint() {
      const { unit, mode, answer } = this.now;
      const hot = mode === "heat";
      if (unit === "cells") {
        this.grids.remove();
        this.squares.show(hot ? answer.features.filter((f) => f.properties.suppressed) : answer.features, answer.features);
      } else {
        this.squares.show([]);
        if (this.map.hasLayer(this.grids)) this.grids.rerenderTiles();
        else this.grids.addTo(this.map);
      }
      if (hot) {
        this.scale.top = linli.densest(this.scale.points, this.radius_m());
        this.heat.show(linli.needWeights(answer.features), this.radius_m(), this.scale.top);
        if (!this.map.hasLayer(this.heat)) this.heat.addTo(this.map);
      } else this.heat.remove();
      this.panel();
      this.legend(hot);
    }

    // Only the controls that matter to what is shown.
    panel() {
      const { unit, mode, answer } = this.now;
      const shown = {
        "radius-row": mode === "heat", "heat-bar": mode === "heat", "heat-radius": mode === "heat", "size-row": unit === "cells",
        "class-row": unit === "grids" && mode !== "spots", "basis-row": mode === "spots", "spot-note": mode === "spots",
      };
      for (const [name, is] of Object.entries(shown)) this.part(name).hidden = !is;
      this.part("total").replaceChildren(none(answer.total) ? `< ${answer.threshold}` : linli.number(answer.total));
      const said = (name) => this.all(name).filter((box) => box.checked).map((box) => box.dataset.said);
      const ages = said("age").length ? linli.t("户内有{ages}的人", { ages: said("age").join(linli.t("或")) }) : "";
      const filters = [said("colour").join(linli.t("或")), ages].filter(Boolean);
      this.part("filters").hidden = !filters.length;
      this.part("filters").replaceChildren(filters.length ? linli.t("只看：{filters}", { filters: filters.join(linli.t("，且")) }) : "");
    }

    legend(hot) {
      const { mode, answer } = this.now;
      const title = this.part("legend-title");
      const basis = linli.word(this.part("basis").value === "rate" ? "rate" : "needs");
      if (hot) {
        title.replaceChildren(linli.t("需求密度（件/公顷）"));
        this.part("heat-top").replaceChildren(linli.number(Math.round(this.scale.top * 10) / 10));
        this.part("heat-radius").replaceChildren(linli.t("半径 {n} 米，是地面上的距离，缩放不变", { n: this.radius_m() }));
      } else if (mode === "spots") {
        title.replaceChildren(linli.t("冷热点（{what}）", { what: basis }));
        this.part("spot-note").replaceChildren(answer.tested
          ? linli.t("热点（冷点）：此处连同相邻处的{what}高于（低于）随机分布会有的水平（Getis-Ord Gi*，误报不超过 {share}%）。", { what: basis, share: answer.false_share * 100 })
          : linli.t("可检验的单元少于 {n} 个，或各处都一样，不作检验。", { n: answer.least }));
      } else title.replaceChildren(linli.word(this.measure() === "rate" ? "rate" : "needs"));
      const rows = mode === "spots" ? this.spotRows() : [...(hot ? [] : this.classRows()), this.hiddenRow()];
      linli.legend(this.part("legend"), rows, false, this.now.unit === "grids" ? linli.shadeOpacity : 0.8);
    }

    classRows() {
      const name = this.measure();
      const [breaks, colours] = [this.scale.breaks[name], this.scale.colours[name]];
      const counts = new Array(colours.length).fill(0);
      for (const facts of this.now.units) if (facts[name] > 0 && counts.length) counts[linli.classOf(facts[name], breaks)] += 1;
      const rows = colours.map((look, i) => ({ look, words: this.classWords(name, breaks, i), count: counts[i] })).reverse();
      rows.push({ look: "#ffffff", words: linli.word("zero"), count: this.countOf((look) => look.zero) });
      if (this.now.unit === "grids") rows.push({ look: "hatch", words: linli.t("无人居住"), count: this.countOf((look) => look.pattern === "hatch") });
      return rows;
    }

    classWords(name, breaks, i) {
      if (this.now.unit === "grids") return i === 0 ? `≤ ${linli.number(breaks[1])}` : linli.classWords(breaks, i);
      if (name === "rate") return `${linli.number(breaks[i])}–${linli.number(breaks[i + 1])}`;
      const [from, to] = [breaks[i] + (this.now.answer.people_in || 1), breaks[i + 1]];
      return from >= to ? linli.number(to) : `${linli.number(from)}–${linli.number(to)}`;
    }

    hiddenRow() {
      const { threshold } = this.now.answer;
      const words = threshold ? linli.t("数量过小，不显示（少于 {n}）", { n: threshold }) : linli.word("suppressed.cell");
      return { look: "dots", words, count: this.countOf((look) => look.pattern === "dots") };
    }

    spotRows() {
      const { hot, cold } = this.settings.spots;
      const [hotly, coldly] = [linli.t("热点"), linli.t("冷点")];
      const rows = [
        [hot[0], `${hotly} q ≤ ${SURE}`], [hot[1], `${hotly} q ≤ ${this.now.answer.false_share}`], ["#ffffff", linli.t("不显著")],
        [cold[1], `${coldly} q ≤ ${this.now.answer.false_share}`], [cold[0], `${coldly} q ≤ ${SURE}`],
      ].map(([look, words]) => ({ look, words, count: this.countOf((one) => (one.zero ? "#ffffff" : one.fill) === look) }));
      return [...rows, { look: "hatch", words: linli.t("未检验（住户不足 {n} 户）", { n: this.now.answer.threshold }), count: this.countOf((one) => one.pattern === "hatch") }];
    }

    countOf(is) { return this.now.units.filter((facts) => is(this.look(facts))).length; }

    /** Heat is made of cells: with grids it cannot be chosen. */
    allow() {
      const mode = (value) => this.all("mode").find((one) => one.value === value);
      mode("heat").disabled = this.unit() === "grids";
      if (mode("heat").checked && mode("heat").disabled) mode("rate").checked = true;
    }

    listen() {
      const { part } = this;
      const asking = [...this.all("service"), ...this.all("colour"), ...this.all("age"), ...this.all("mode"), part("size"), part("scheme"), part("k"), part("basis")];
      for (const box of asking) box.addEventListener("change", () => this.load());
      for (const choice of this.all("unit")) {
        choice.addEventListener("change", () => { this.allow(); this.load(); });
      }
      part("radius").addEventListener("input", () => {
        part("radius-text").replaceChildren(part("radius").value);
        if (this.now) linli.onFrame("radius", () => this.paint());
      });
      linli.hear("refresh", () => this.load(true));
    }
  }

  const line = ([label, text]) => linli.el("div", { class: "row" }, linli.el("span", {}, label), linli.el("b", {}, text));

  /** The needs map. */
  linli.needs = (map, settings) => new Needs(map, settings).squares;
})();
