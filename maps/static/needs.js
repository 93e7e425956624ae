// Needs by place: aggregated cells from the server as heat, counts or rates. A heat radius is metres on the ground at every zoom.
"use strict";
(() => {
  const RAMP_STEPS = 64;
  const COARSE = 3; // screen pixels to one sample of the heat

  /** Return rising edges 0–1–2–5–10… that hold every value up to `most`: they do not move when the months do. */
  function edges(most) {
    const all = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000];
    const top = all.findIndex((edge) => edge >= most);
    const last = top < 0 ? all.length - 1 : Math.max(top, 1);
    const chosen = all.slice(Math.max(0, last - 4), last + 1);
    return [0, ...chosen];
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

  // Heat: the kernel density of the needs (quartic kernel; Silverman, Density Estimation, 1986, eq. 4.5), in needs per hectare. Each cell is a
  // weight at its middle; the kernel's radius is given in metres, so a place looks equally hot at every zoom.
  class Heat extends L.Layer {
    constructor(colours) { super(); this.colours = colours; this.points = []; this.radius_m = 300; this.top = 1; }

    onAdd(map) {
      this.canvas = linli.el("canvas", { class: "linli-heat leaflet-zoom-hide", "aria-hidden": "true" });
      map.getPane("cells").append(this.canvas);
      map.on("moveend resize", this.draw, this);
      this.draw();
    }

    onRemove(map) { map.off("moveend resize", this.draw, this); this.canvas.remove(); }

    show(points, radius_m, top) { this.points = points; this.radius_m = radius_m; this.top = top; if (this._map) this.draw(); }

    draw() {
      const map = this._map;
      const size = map.getSize();
      L.DomUtil.setPosition(this.canvas, map.containerPointToLayerPoint([0, 0]));
      const wide = Math.ceil(size.x / COARSE);
      const high = Math.ceil(size.y / COARSE);
      const sums = new Float32Array(wide * high);
      for (const point of this.points) this.spread(sums, wide, high, point);
      const image = new ImageData(wide, high);
      for (let i = 0; i < sums.length; i += 1) {
        const share = Math.min(1, sums[i] / this.top);
        if (share < 0.02) continue;
        const colour = this.colours[Math.min(RAMP_STEPS - 1, Math.floor(share * RAMP_STEPS))];
        image.data.set([colour[0], colour[1], colour[2], Math.round(255 * Math.min(0.78, 0.1 + 1.5 * share))], i * 4);
      }
      const small = linli.el("canvas", { width: wide, height: high });
      small.getContext("2d").putImageData(image, 0, 0);
      this.canvas.width = size.x;
      this.canvas.height = size.y;
      const pen = this.canvas.getContext("2d");
      pen.imageSmoothingQuality = "high";
      pen.drawImage(small, 0, 0, wide * COARSE, high * COARSE);
    }

    spread(sums, wide, high, { lat, lon, weight }) {
      const at = this._map.latLngToContainerPoint([lat, lon]);
      const reach = this.radius_m / metresPerPixel(lat, this._map.getZoom()) / COARSE;
      const [x, y] = [at.x / COARSE, at.y / COARSE];
      const peak = (weight * 3) / (Math.PI * this.radius_m ** 2) * 1e4;
      for (let row = Math.max(0, Math.ceil(y - reach)); row <= Math.min(high - 1, y + reach); row += 1) {
        for (let column = Math.max(0, Math.ceil(x - reach)); column <= Math.min(wide - 1, x + reach); column += 1) {
          const near = 1 - ((column - x) ** 2 + (row - y) ** 2) / reach ** 2;
          if (near > 0) sums[row * wide + column] += peak * near * near;
        }
      }
    }
  }

  const metresPerPixel = (lat, zoom) => (40075016.686 * Math.cos((lat * Math.PI) / 180)) / 2 ** (zoom + 8);
  linli.metresPerPixel = metresPerPixel;

  /** Return the greatest density at any of the points: what the top of the heat's scale stands for. */
  function densest(points, radius_m) {
    if (!points.length) return 1;
    const metre = 360 / 40075016.686;
    const buckets = new Map();
    const spot = (p) => [Math.floor((p.lon * Math.cos((p.lat * Math.PI) / 180)) / metre / radius_m), Math.floor(p.lat / metre / radius_m)];
    for (const p of points) { const key = spot(p).join(); buckets.set(key, [...(buckets.get(key) || []), p]); }
    let most = 0;
    for (const p of points) {
      const [column, row] = spot(p);
      let sum = 0;
      for (let dx = -1; dx <= 1; dx += 1) for (let dy = -1; dy <= 1; dy += 1) {
        for (const q of buckets.get([column + dx, row + dy].join()) || []) {
          const x = ((q.lon - p.lon) * Math.cos((p.lat * Math.PI) / 180)) / metre;
          const near = 1 - (x ** 2 + ((q.lat - p.lat) / metre) ** 2) / radius_m ** 2;
          if (near > 0) sum += ((q.weight * 3) / (Math.PI * radius_m ** 2)) * 1e4 * near * near;
        }
      }
      most = Math.max(most, sum);
    }
    return most || 1;
  }

  const rgb = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));

  /** The needs map. */
  linli.needs = (map, settings) => {
    const part = (name) => map.view.querySelector(`[data-${name}]`);
    const months = settings.months;
    const heat = new Heat(settings.ramp.map(rgb));
    let features = [];
    let answer = { total: null, threshold: null };
    let scale = null; // breaks and top of the heat for this service and size, over all months
    const mode = () => map.view.querySelector("[data-mode]:checked").value;
    const shade = () => (mode() === "rate" ? "rate" : "count");
    const look = (facts) => {
      if (facts.suppressed) return "dots";
      const value = facts[shade()];
      if (value === null || value === undefined) return facts.count === 0 ? "zero" : "dots";
      if (value === 0) return "zero";
      return scale.colours[shade()][linli.classOf(value, scale.breaks[shade()])];
    };
    const cells = new Patterned({ pane: "cells", padding: 0.3 });
    const squares = L.geoJSON(null, {
      pane: "cells", renderer: cells, interactive: false, style: (feature) => {
        const seen = look(feature.properties);
        if (seen === "zero") return { color: "#9aa5a3", weight: 0.6, opacity: 0.55, fill: true, fillColor: "#ffffff", fillOpacity: 0.25 };
        if (seen === "dots") return { color: "#7c8685", weight: 0.8, opacity: 0.8, fill: true, pattern: "dots" };
        return { color: "#ffffff", weight: 0.6, opacity: 0.8, fill: true, fillColor: seen, fillOpacity: 0.8 };
      },
    });
    const weights = (found) => found.filter((f) => f.properties.count > 0).map((f) => ({ ...middle(f), weight: f.properties.count }));

    function paint() {
      squares.clearLayers();
      const hot = mode() === "heat";
      const radius_m = Number(part("radius").value);
      if (hot) {
        squares.addData({ type: "FeatureCollection", features: features.filter((f) => f.properties.suppressed) });
        heat.show(weights(features), radius_m, densest(scale.points, radius_m));
        if (!map.hasLayer(heat)) heat.addTo(map);
      } else {
        heat.remove();
        squares.addData({ type: "FeatureCollection", features });
      }
      part("radius-row").hidden = !hot;
      legend(hot, radius_m);
    }

    function legend(hot, radius_m) {
      const hidden = features.filter((f) => look(f.properties) === "dots").length;
      const rows = [];
      const title = part("legend-title");
      part("heat-bar").hidden = !hot;
      if (hot) {
        title.replaceChildren(linli.words.density[0], `（${linli.words["density.unit"][0]}）`, linli.el("span", { class: "en", lang: "en" }, linli.words.density[1]));
        part("heat-top").replaceChildren(linli.number(Math.round(densest(scale.points, radius_m) * 10) / 10));
      } else {
        title.replaceChildren(linli.word(mode() === "rate" ? "rate" : "needs"));
        const breaks = scale.breaks[mode()];
        const counts = new Array(breaks.length - 1).fill(0);
        for (const { properties: facts } of features) {
          const value = mode() === "rate" ? facts.rate : facts.count;
          if (value > 0) counts[linli.classOf(value, breaks)] += 1;
        }
        scale.colours[mode()].forEach((colour, i) => rows.unshift({ look: colour, count: counts[i], words: words(breaks, i) }));
        rows.push({ look: "#ffffff", words: linli.word("zero"), count: features.filter((f) => look(f.properties) === "zero").length });
      }
      rows.push({ look: "dots", words: suppressedWords(), count: hidden });
      linli.legend(part("legend"), rows, false, 0.8);
      part("total").replaceChildren(answer.total === null || answer.total === undefined ? `< ${answer.threshold}` : linli.number(answer.total));
    }
    const words = (breaks, i) => (mode() === "rate" ? `${linli.number(breaks[i])}–${linli.number(breaks[i + 1])}` : linli.classWords([1, ...breaks.slice(1)], i));
    const suppressedWords = () => {
      const [zh, en] = linli.words["suppressed.cell"];
      const parts = document.createDocumentFragment();
      parts.append(answer.threshold ? `${zh}（少于 ${answer.threshold}）` : zh, linli.el("span", { class: "en", lang: "en" }, en));
      return parts;
    };

    const chosen = () => ({
      service: [...map.view.querySelectorAll("[data-service]:checked")].map((box) => box.value).filter(Boolean), size_m: part("size").value,
    });
    const load = linli.latest(map, "needs", async (signal, afresh) => {
      const asked = chosen();
      const ask = (from, to) => linli.get(map, map.options.urls.need_cells, { ...asked, from, to }, signal);
      const key = JSON.stringify(asked);
      if (afresh || !scale || scale.key !== key) {
        const all = await ask(...period(0, months.length - 1));
        const most = (name) => Math.max(1, ...all.features.map((f) => f.properties[name] || 0));
        const breaks = { count: edges(most("count")), rate: edges(most("rate")) };
        const colours = {};
        for (const name of ["count", "rate"]) colours[name] = settings.classes[breaks[name].length - 1];
        scale = { key, breaks, colours, points: weights(all.features) };
      }
      answer = await ask(...period(...range()));
      features = answer.features;
      paint();
    });

    // Both months included: from the first day of the one to the last day of the other.
    function period(first, last) {
      if (!months.length) return [null, null];
      const [year, month] = months[last].split("-").map(Number);
      return [`${months[first]}-01`, `${months[last]}-${new Date(Date.UTC(year, month, 0)).getUTCDate()}`];
    }
    function range() {
      if (!months.length) return [0, 0];
      const [first, last] = ["from", "to"].map((name) => Number(part(`month-${name}`).value));
      return [Math.min(first, last), Math.max(first, last)];
    }
    function sayRange() {
      if (!months.length) return;
      const [first, last] = range();
      const spoken = (at) => `${months[at].slice(0, 4)}年${Number(months[at].slice(5))}月`;
      part("month-text").replaceChildren(first === last ? spoken(first) : `${spoken(first)} 至 ${spoken(last)}`);
      for (const name of ["from", "to"]) part(`month-${name}`).setAttribute("aria-valuetext", spoken(Number(part(`month-${name}`).value)));
      part("month-bar").style.setProperty("--from", first / Math.max(1, months.length - 1));
      part("month-bar").style.setProperty("--to", last / Math.max(1, months.length - 1));
    }

    let waiting = null;
    for (const box of map.view.querySelectorAll("[data-service]")) {
      box.addEventListener("change", () => load());
    }
    part("size").addEventListener("change", () => load());
    for (const choice of map.view.querySelectorAll("[data-mode]")) choice.addEventListener("change", () => { if (scale) paint(); });
    part("radius").addEventListener("input", () => { part("radius-text").replaceChildren(part("radius").value); if (scale) linli.onFrame("radius", paint); });
    for (const name of ["from", "to"]) {
      const slider = part(`month-${name}`);
      if (slider) slider.addEventListener("input", () => { sayRange(); clearTimeout(waiting); waiting = setTimeout(load, 200); });
    }
    linli.hear("refresh", () => load(true));
    sayRange();
    hover(map, () => features);
    load();
    return squares;
  };

  const middle = (feature) => {
    const ring = feature.geometry.coordinates[0];
    return { lon: (ring[0][0] + ring[2][0]) / 2, lat: (ring[0][1] + ring[2][1]) / 2 };
  };

  const inside = (lon, lat, ring) => {
    let odd = false;
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
      const [[x, y], [u, v]] = [ring[i], ring[j]];
      if (y > lat !== v > lat && lon < ((u - x) * (lat - y)) / (v - y) + x) odd = !odd;
    }
    return odd;
  };

  // The cell under the pointer tells its figures, in heat as well.
  function hover(map, features) {
    const bubble = L.tooltip({ className: "linli-tip", direction: "top", offset: [0, -8], opacity: 1 });
    const row = (key, value) => linli.el("div", { class: "row" }, linli.el("span", {}, linli.words[key][0]), linli.el("b", {}, value));
    map.on("mousemove", (event) => linli.onFrame("cell", () => {
      const { lng, lat } = event.latlng;
      const hit = map.dragging.moving() ? null : features().find((feature) => inside(lng, lat, feature.geometry.coordinates[0]));
      if (!hit) { bubble.remove(); return; }
      const facts = hit.properties;
      const few = linli.words["suppressed.cell"][0];
      const known = (value) => (value === null || value === undefined ? few : linli.number(value));
      bubble.setLatLng(event.latlng).setContent(linli.el("div", {},
        row("needs", facts.suppressed ? few : known(facts.count)), row("households", known(facts.households)),
        facts.suppressed || facts.rate === null ? null : row("rate", linli.number(facts.rate))));
      if (!map.hasLayer(bubble)) bubble.addTo(map);
    }));
    map.on("mouseout zoomstart", () => bubble.remove());
  }
})();
