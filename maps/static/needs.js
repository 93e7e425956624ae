// Needs by place: aggregated cells from the server as heat, counts or rates, by service and by months.
"use strict";
(() => {
  const MONTH = new Intl.DateTimeFormat(linli.language, { year: "numeric", month: "long", timeZone: "UTC" });
  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000];

  /** Return at most six rising edges 0–1–2–5–10… that hold every value up to `most`. */
  function edges(most) {
    const top = STEPS.findIndex((edge) => edge >= most);
    const last = top < 0 ? STEPS.length - 1 : Math.max(top, 1);
    return [0, ...STEPS.slice(Math.max(0, last - 4), last + 1)];
  }

  // Leaflet's canvas, able to fill with a pattern as well.
  const Patterned = L.Canvas.extend({
    _fillStroke(pen, shape) {
      if (!shape.options.pattern) { L.Canvas.prototype._fillStroke.call(this, pen, shape); return; }
      pen.globalAlpha = 0.9;
      pen.fillStyle = pen.createPattern(linli.pattern(shape.options.pattern, false), "repeat");
      pen.fill("evenodd");
      pen.globalAlpha = shape.options.opacity;
      pen.strokeStyle = shape.options.color;
      pen.lineWidth = shape.options.weight;
      pen.stroke();
    },
  });

  const LOOKS = {
    zero: { color: "#9aa5a3", weight: 0.6, opacity: 0.55, fill: true, fillColor: "#ffffff", fillOpacity: 0.25 },
    dots: { color: "#7c8685", weight: 0.8, opacity: 0.8, fill: true, pattern: "dots" },
  };

  const rgb = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));

  const middle = (feature) => {
    const ring = feature.geometry.coordinates[0];
    return { lon: (ring[0][0] + ring[2][0]) / 2, lat: (ring[0][1] + ring[2][1]) / 2 };
  };

  const weights = (features) => features.filter((f) => f.properties.count > 0).map((f) => ({ ...middle(f), weight: f.properties.count }));

  // The two sliders: which months, and how they are said.
  class Months {
    constructor(part, months) {
      this.part = part;
      this.months = months;
      this.say();
    }

    chosen() {
      const [first, last] = ["from", "to"].map((name) => Number(this.part(`month-${name}`).value));
      return [Math.min(first, last), Math.max(first, last)];
    }

    /** Return the first day of the one and the last day of the other month, both included. */
    period([first, last]) {
      const [year, month] = this.months[last].split("-").map(Number);
      return { from: `${this.months[first]}-01`, to: `${this.months[last]}-${new Date(Date.UTC(year, month, 0)).getUTCDate()}` };
    }

    asked() { return this.months.length ? this.period(this.chosen()) : {}; }

    whole() { return this.months.length ? this.period([0, this.months.length - 1]) : {}; }

    say() {
      if (!this.months.length) return;
      const [first, last] = this.chosen();
      const spoken = (at) => MONTH.format(new Date(`${this.months[at]}-15T00:00:00Z`));
      this.part("month-text").replaceChildren(first === last ? spoken(first) : linli.t("{from} 至 {to}", { from: spoken(first), to: spoken(last) }));
      for (const name of ["from", "to"]) {
        const slider = this.part(`month-${name}`);
        slider.setAttribute("aria-valuetext", spoken(Number(slider.value)));
      }
      const track = this.part("month-bar").style;
      track.setProperty("--from", first / Math.max(1, this.months.length - 1));
      track.setProperty("--to", last / Math.max(1, this.months.length - 1));
    }
  }

  class Needs {
    constructor(map, settings) {
      this.map = map;
      this.settings = settings;
      this.part = (name) => map.view.querySelector(`[data-${name}]`);
      this.months = new Months(this.part, settings.months);
      this.heat = new linli.Heat(settings.ramp.map(rgb));
      this.features = [];
      this.answer = {};
      this.scale = null; // breaks and hottest place of this service and size, over all months: they do not move with the sliders
      this.squares = L.geoJSON(null, {
        pane: "cells", renderer: new Patterned({ pane: "cells", padding: 0.3 }), interactive: false, style: (feature) => this.style(feature.properties),
      });
      this.load = linli.latest(map, "needs", (signal, afresh) => this.fetch(signal, afresh));
      this.listen();
      this.load();
    }

    mode() { return this.map.view.querySelector("[data-mode]:checked").value; }

    measure() { return this.mode() === "rate" ? "rate" : "count"; }

    radius_m() { return Number(this.part("radius").value); }

    /** Return how a cell looks: a colour, `zero`, or `dots` where its number may not be shown. */
    look(facts) {
      if (facts.suppressed) return "dots";
      const value = facts[this.measure()];
      if (value === null || value === undefined) return facts.count === 0 ? "zero" : "dots";
      if (value === 0) return "zero";
      return this.scale.colours[this.measure()][linli.classOf(value, this.scale.breaks[this.measure()])];
    }

    style(facts) {
      const look = this.look(facts);
      return LOOKS[look] || { color: "#ffffff", weight: 0.6, opacity: 0.8, fill: true, fillColor: look, fillOpacity: 0.8 };
    }

    async fetch(signal, afresh) {
      const asked = {
        service: [...this.map.view.querySelectorAll("[data-service]:checked")].map((box) => box.value).filter(Boolean), size_m: this.part("size").value,
      };
      const ask = (period) => linli.get(this.map, this.map.options.urls.need_cells, { ...asked, ...period }, signal);
      const key = JSON.stringify(asked);
      if (afresh || !this.scale || this.scale.key !== key) this.scale = this.scaleOf(key, (await ask(this.months.whole())).features);
      this.answer = await ask(this.months.asked());
      this.features = this.answer.features;
      this.paint();
    }

    scaleOf(key, features) {
      const scale = { key, breaks: {}, colours: {}, points: weights(features) };
      for (const name of ["count", "rate"]) {
        scale.breaks[name] = edges(Math.max(1, ...features.map((f) => f.properties[name] || 0)));
        scale.colours[name] = this.settings.classes[scale.breaks[name].length - 1];
      }
      return scale;
    }

    paint() {
      const hot = this.mode() === "heat";
      this.squares.clearLayers();
      this.squares.addData({ type: "FeatureCollection", features: hot ? this.features.filter((f) => f.properties.suppressed) : this.features });
      if (hot) {
        this.scale.top = linli.densest(this.scale.points, this.radius_m());
        this.heat.show(weights(this.features), this.radius_m(), this.scale.top);
        if (!this.map.hasLayer(this.heat)) this.heat.addTo(this.map);
      } else this.heat.remove();
      this.part("radius-row").hidden = !hot;
      this.part("heat-bar").hidden = !hot;
      const total = this.answer.total;
      this.part("total").replaceChildren(total === null || total === undefined ? `< ${this.answer.threshold}` : linli.number(total));
      this.title(hot);
      linli.legend(this.part("legend"), [...(hot ? [] : this.classRows()), this.hiddenRow()], false, 0.8);
    }

    title(hot) {
      const title = this.part("legend-title");
      if (!hot) { title.replaceChildren(linli.word(this.measure() === "rate" ? "rate" : "needs")); return; }
      title.replaceChildren(linli.t("需求密度（件/公顷）"));
      this.part("heat-top").replaceChildren(linli.number(Math.round(this.scale.top * 10) / 10));
    }

    classRows() {
      const name = this.measure();
      const breaks = this.scale.breaks[name];
      const counts = new Array(breaks.length - 1).fill(0);
      for (const { properties: facts } of this.features) if (facts[name] > 0) counts[linli.classOf(facts[name], breaks)] += 1;
      const words = (i) => (name === "rate" ? `${linli.number(breaks[i])}–${linli.number(breaks[i + 1])}` : linli.classWords([1, ...breaks.slice(1)], i));
      const rows = this.scale.colours[name].map((look, i) => ({ look, words: words(i), count: counts[i] })).reverse();
      return [...rows, { look: "#ffffff", words: linli.word("zero"), count: this.countOf("zero") }];
    }

    hiddenRow() {
      const words = this.answer.threshold ? linli.t("数量过小，不显示（少于 {n}）", { n: this.answer.threshold }) : linli.word("suppressed.cell");
      return { look: "dots", words, count: this.countOf("dots") };
    }

    countOf(look) { return this.features.filter((f) => this.look(f.properties) === look).length; }

    listen() {
      const { part, map } = this;
      for (const box of [...map.view.querySelectorAll("[data-service]"), part("size")]) box.addEventListener("change", () => this.load());
      for (const choice of map.view.querySelectorAll("[data-mode]")) choice.addEventListener("change", () => { if (this.scale) this.paint(); });
      part("radius").addEventListener("input", () => {
        part("radius-text").replaceChildren(part("radius").value);
        if (this.scale) linli.onFrame("radius", () => this.paint());
      });
      let waiting = null;
      for (const slider of [part("month-from"), part("month-to")].filter(Boolean)) {
        slider.addEventListener("input", () => { this.months.say(); clearTimeout(waiting); waiting = setTimeout(this.load, 200); });
      }
      linli.hear("refresh", () => this.load(true));
      this.hover();
    }

    // The cell under the pointer tells its figures, in heat as well.
    hover() {
      const bubble = L.tooltip({ className: "linli-tip", direction: "top", offset: [0, -8], opacity: 1 });
      this.map.on("mousemove", (event) => linli.onFrame("cell", () => {
        const { lng, lat } = event.latlng;
        const hit = this.map.dragging.moving() ? null : this.features.find((feature) => inside(lng, lat, feature.geometry.coordinates[0]));
        if (!hit) { bubble.remove(); return; }
        bubble.setLatLng(event.latlng).setContent(told(hit.properties));
        if (!this.map.hasLayer(bubble)) bubble.addTo(this.map);
      }));
      this.map.on("mouseout zoomstart", () => bubble.remove());
    }
  }

  function told(facts) {
    const few = linli.word("suppressed.cell");
    const known = (value) => (value === null || value === undefined ? few : linli.number(value));
    const row = (key, value) => linli.el("div", { class: "row" }, linli.el("span", {}, linli.word(key)), linli.el("b", {}, value));
    return linli.el("div", {},
      row("needs", facts.suppressed ? few : known(facts.count)), row("households", known(facts.households)),
      facts.suppressed || facts.rate === null ? null : row("rate", linli.number(facts.rate)));
  }

  function inside(lon, lat, ring) {
    let odd = false;
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
      const [[x, y], [u, v]] = [ring[i], ring[j]];
      if (y > lat !== v > lat && lon < ((u - x) * (lat - y)) / (v - y) + x) odd = !odd;
    }
    return odd;
  }

  /** The needs map. */
  linli.needs = (map, settings) => new Needs(map, settings).squares;
})();
