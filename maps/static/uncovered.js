// Buildings from which the service is not reached: points on the map and a list, the farthest first. No names of people.
"use strict";
(() => {
  const MOST = 2000; // points on the map
  const STEP = 40; // rows of the list at a time
  // Seconds as a multiple of the limit → class; those without any way stand apart.
  const CLASSES = [{ upTo: 1.5, colour: "#f0a35e", key: "far.1" }, { upTo: 2, colour: "#cf4f4a", key: "far.2" }, { upTo: Infinity, colour: "#7d1d4f", key: "far.3" }];
  const NO_WAY = "#3b4247";

  class Uncovered {
    constructor(map) {
      this.map = map;
      this.page = map.coverage;
      this.box = map.view.querySelector("[data-tool=uncovered]");
      this.part = (name) => this.box.querySelector(`[data-${name}]`);
      this.layer = L.featureGroup();
      this.items = [];
      this.listed = STEP;
      this.load = linli.latest(map, "uncovered", (signal) => this.fetch(signal));
      this.listen();
    }

    shown() { return this.map.hasLayer(this.layer); }

    listen() {
      // The section of the panel and the map's layer are one thing: open is shown.
      this.box.addEventListener("toggle", () => { if (this.box.open !== this.shown()) this.map[this.box.open ? "addLayer" : "removeLayer"](this.layer); });
      this.layer.on("add", () => { this.box.open = true; this.load(); });
      this.layer.on("remove", () => { this.box.open = false; });
      this.map.on("linli:coverage", () => { if (this.shown()) this.load(); });
      this.part("more").addEventListener("click", () => { this.listed += STEP; this.list(); });
    }

    async fetch(signal) {
      const asked = this.page.asked();
      const many = asked.service.length !== 1;
      this.limit = Number(asked.minutes) * 60;
      this.items = many ? [] : (await linli.get(this.map, this.map.options.urls.coverage_buildings, asked, signal)).items;
      this.listed = STEP;
      this.draw();
      const n = this.items.length;
      const said = many ? [linli.word("one.service")] : n ? [linli.el("b", {}, linli.number(n)), " ", linli.word("buildings.n")] : [linli.word("buildings.all")];
      this.part("said").replaceChildren(...said);
      this.part("bound").hidden = n <= MOST;
      this.part("bound").replaceChildren(linli.word("buildings.bound"), ` ${linli.number(MOST)}`);
      this.list();
      if (this.box.open) this.box.scrollIntoView({ block: "nearest" });
    }

    look(item) {
      if (item.seconds === null) return NO_WAY;
      return CLASSES.find((one) => item.seconds <= one.upTo * this.limit).colour;
    }

    draw() {
      this.layer.clearLayers();
      const counts = new Map();
      this.items.forEach((item, i) => {
        const colour = this.look(item);
        counts.set(colour, (counts.get(colour) || 0) + 1);
        if (i >= MOST || !Number.isFinite(item.lon) || !Number.isFinite(item.lat)) return;
        const point = L.circleMarker([item.lat, item.lon], { pane: "points", className: "linli-left-out", radius: 4, weight: 1, color: "#fff", fillColor: colour, fillOpacity: 0.95 });
        point.bindTooltip(() => linli.el("div", {}, linli.el("strong", {}, called(item)), ...this.facts(item).map(([label, value]) => linli.el("div", { class: "row" },
          linli.el("span", {}, label), linli.el("b", {}, value)))), { className: "linli-tip", direction: "top" });
        this.layer.addLayer(point);
      });
      const rows = [{ look: NO_WAY, words: linli.word("no.way") }, ...[...CLASSES].reverse().map((one) => ({ look: one.colour, words: linli.word(one.key) }))];
      linli.legend(this.part("key"), rows.map((row) => ({ ...row, count: counts.get(row.look) || 0 })).filter((row) => row.count), false, 1);
    }

    facts(item) {
      const homes = item.households === null ? linli.word("few") : linli.tn("{n} 户", item.households);
      const nearest = item.station ? [[linli.word("nearest"), linli.tidy(item.station, 30)]] : [];
      return [[linli.word("walk"), way(item)], ...nearest, [linli.word("households"), homes]];
    }

    list() {
      const rows = this.items.slice(0, this.listed).map((item) => {
        const button = linli.el("button", { type: "button" },
          linli.el("span", { class: "what" }, called(item)), linli.el("b", {}, way(item)),
          linli.el("span", { class: "of" }, item.households === null ? linli.word("few") : linli.tn("{n} 户", item.households)));
        button.addEventListener("click", () => linli.pointAt(this.map, item));
        return linli.el("li", {}, button);
      });
      this.part("list").replaceChildren(...rows);
      this.part("more").hidden = this.items.length <= this.listed;
    }
  }

  /** Return a building's name and code. */
  function called(item) { return item.name ? `${linli.tidy(item.name, 40)} ${linli.tidy(item.code, 30)}` : linli.tidy(item.code, 40); }

  function way(item) {
    if (item.seconds === null) return linli.half(item.reason_label || item.reason || "") || linli.word("no.way");
    return linli.t("{n} 分钟", { n: linli.number(Math.round(item.seconds / 6) / 10) });
  }

  /** Go to a place and ring it for a while. */
  linli.pointAt = (map, { lon, lat }) => {
    if (!Number.isFinite(lon) || !Number.isFinite(lat)) return;
    map.setView([lat, lon], Math.max(map.getZoom(), 16.5), { animate: false });
    const ring = L.circleMarker([lat, lon], { pane: "points", interactive: false, className: "linli-ring", radius: 14, weight: 3, color: "#b3261e", fill: false }).addTo(map);
    setTimeout(() => ring.remove(), 4000);
  };

  linli.uncovered = (map) => new Uncovered(map).layer;
})();
