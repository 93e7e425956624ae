// Where next: the best sites for so many new stations, the greedy choice beside them, and both as edits of the what-if.
"use strict";
(() => {
  class Siting {
    constructor(page) {
      this.page = page;
      this.map = page.map;
      this.box = this.map.view.querySelector("[data-tool=siting]");
      this.part = (name) => this.box.querySelector(`[data-${name}]`);
      this.form = this.box.querySelector("form");
      this.marks = L.featureGroup();
      this.spots = L.featureGroup(); // candidate points
      this.run = linli.latest(this.map, "siting", (signal) => this.compute(signal));
      this.form.addEventListener("submit", (event) => { event.preventDefault(); if (this.form.reportValidity()) this.run(); });
      this.part("adopt").addEventListener("click", () => this.adopt());
      this.box.addEventListener("toggle", () => this.mind());
      this.form.elements.where.addEventListener("change", () => { this.clear(); this.mind(); });
      this.form.elements.points.addEventListener("input", () => { this.clear(); this.drawSpots(); });
      this.map.on("click", (event) => this.clicked(event.latlng));
      this.map.on("linli:coverage", () => this.clear());
    }

    /** Tell whether clicks on the map are candidate points. */
    pointing() { return this.box.open && this.form.elements.where.value === "points" && !this.page.whatIf.adding; }

    mind() {
      for (const layer of [this.marks, this.spots]) this.map[this.box.open ? "addLayer" : "removeLayer"](layer);
      this.part("points").hidden = this.form.elements.where.value !== "points";
      this.map.getContainer().toggleAttribute("data-adding", this.pointing());
      this.drawSpots();
    }

    clicked({ lng, lat }) {
      if (!this.pointing()) return;
      const { points } = this.form.elements;
      points.value = `${points.value.trim()}\n${lng.toFixed(6)}, ${lat.toFixed(6)}`.trim();
      this.clear();
      this.drawSpots();
    }

    /** Return the points written in the form, [lon, lat]; what cannot be read is said there, and null returned. */
    points() {
      const lines = this.form.elements.points.value.split("\n").map((line, i) => ({ line: line.trim(), number: i + 1 })).filter(({ line }) => line);
      const read = lines.map(({ line }) => line.split(/[,，;；\s]+/).map(Number));
      const wrong = read.findIndex(([lon, lat, ...more]) => more.length || !(Math.abs(lon) <= 180 && Math.abs(lat) <= 90));
      const said = this.part("points-said");
      said.hidden = wrong < 0;
      if (wrong < 0) return read;
      said.replaceChildren(linli.t("第 {n} 个点应为“经度, 纬度”", { n: lines[wrong].number }));
      return null;
    }

    drawSpots() {
      this.spots.clearLayers();
      if (this.part("points").hidden) return;
      for (const [lon, lat] of this.points() || []) this.spots.addLayer(L.circleMarker([lat, lon], { pane: "points", interactive: false, className: "linli-spot", radius: 5, weight: 2, color: "#5c2f6b", fillColor: "#fff", fillOpacity: 0.9 }));
    }

    /** Return the candidates as the server takes them. */
    candidates() {
      const [chosen] = this.form.elements.where.selectedOptions;
      if (chosen.value === "all") return {};
      if (chosen.value === "kind") return { building_kind: chosen.dataset.kind };
      const points = this.points();
      if (!points) { this.form.elements.points.focus(); throw new Error(this.part("points-said").textContent); }
      if (!points.length) throw new Error(linli.word("siting.points"));
      return { points };
    }

    clear() {
      this.found = null;
      this.marks.clearLayers();
      this.part("result").hidden = true;
    }

    async compute(signal) {
      this.clear();
      const parameters = this.page.body();
      if (parameters.service.length !== 1) throw new Error(linli.word("one.service"));
      const data = new FormData(this.form);
      this.weight = data.get("weight");
      this.part("go").disabled = true;
      try {
        const body = { ...parameters, at: "any", new_stations: Number(data.get("number")), weights: { [this.weight]: 1 }, candidates: this.candidates() };
        this.show(await linli.post(this.map, this.map.options.urls.siting, body, signal));
      } finally {
        this.part("go").disabled = false;
      }
    }

    people(n) { return this.weight === "households" ? linli.tn("{n} 户", n) : linli.tn("{n} 人", n); }

    show(found) {
      this.found = found;
      const { chosen, greedy } = found;
      const same = chosen.sites.length === greedy.sites.length && chosen.sites.every((site) => greedy.sites.some((other) => other.lon === site.lon && other.lat === site.lat));
      if (!same) this.mark(greedy.sites, "greedy");
      this.mark(chosen.sites, "best");
      const line = (key, value, ...more) => linli.el("li", { "data-siting": key }, linli.el("span", { class: "what" }, linli.word(key)), linli.el("b", {}, value), ...more);
      const of = linli.el("span", { class: "of" }, linli.word("siting.of"), ` ${this.people(found.uncovered)}`);
      this.part("facts").replaceChildren(
        line("siting.gain", this.people(chosen.covered), of),
        line("siting.bound", this.people(found.bound)),
        line("gap", linli.percent(found.gap, 1), found.optimal ? linli.el("span", { class: "sure", "data-siting": "optimal" }, linli.word("optimal")) : null),
        line("siting.greedy", this.people(greedy.covered), linli.el("span", { class: "of" }, same ? linli.word("siting.same") : linli.signed(Math.round(greedy.covered - chosen.covered)))));
      this.part("sites").replaceChildren(...(chosen.sites.length ? chosen.sites.map((site, i) => this.row(site, i)) : [linli.el("li", { class: "none" }, linli.word("siting.none"))]));
      this.part("adopt").disabled = !chosen.sites.length;
      this.part("result").hidden = false;
      this.box.scrollIntoView({ block: "nearest" });
    }

    row(site, i) {
      const button = linli.el("button", { type: "button" }, linli.el("span", { class: "linli-site best", "aria-hidden": "true" }, String(i + 1)), linli.el("span", { class: "what" }, called(site, i)));
      button.addEventListener("click", () => linli.pointAt(this.map, site));
      return linli.el("li", {}, button);
    }

    mark(sites, look) {
      sites.forEach((site, i) => {
        const icon = L.divIcon({ className: "linli-site-mark", html: linli.el("span", { class: `linli-site ${look}` }, String(i + 1)), iconSize: [28, 28] });
        const label = look === "best" ? linli.word("siting.site") : linli.word("siting.greedy");
        const mark = L.marker([site.lat, site.lon], { icon, keyboard: false, zIndexOffset: look === "best" ? 400 : 300 });
        mark.bindTooltip(() => linli.el("span", {}, `${label} ${i + 1}：${called(site, i)}`), { className: "linli-tip", direction: "top", offset: [0, -12] });
        this.marks.addLayer(mark);
      });
    }

    adopt() {
      if (this.found) this.page.whatIf.addSites(this.found.chosen.sites, this.found.parameters.service[0]);
      this.box.open = false;
    }
  }

  /** Return what a site is called: its building's name and code, or its number. */
  function called(site, i) {
    const words = [site.name, site.code].filter(Boolean).map((text) => linli.tidy(text, 40));
    if (words.length) return words.join(" ");
    return Number.isInteger(site.number) ? `${linli.word("siting.number")} ${site.number + 1}` : `${linli.word("siting.site")} ${i + 1}`;
  }

  linli.siting = (page) => new Siting(page);
})();
