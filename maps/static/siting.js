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
      this.run = linli.latest(this.map, "siting", (signal) => this.compute(signal));
      this.form.addEventListener("submit", (event) => { event.preventDefault(); if (this.form.reportValidity()) this.run(); });
      this.part("adopt").addEventListener("click", () => this.adopt());
      this.box.addEventListener("toggle", () => this.map[this.box.open ? "addLayer" : "removeLayer"](this.marks));
      this.map.on("linli:coverage", () => this.clear());
    }

    clear() {
      this.found = null;
      this.marks.clearLayers();
      this.part("result").hidden = true;
    }

    async compute(signal) {
      this.clear();
      const parameters = this.page.body();
      if (parameters.service.length !== 1) throw new Error(linli.word("one.service", true));
      const data = new FormData(this.form);
      this.weight = data.get("weight");
      this.part("go").disabled = true;
      try {
        const body = { ...parameters, at: "any", new_stations: Number(data.get("number")), weights: { [this.weight]: 1 } };
        this.show(await linli.post(this.map, this.map.options.urls.siting, body, signal));
      } finally {
        this.part("go").disabled = false;
      }
    }

    people(n) { return `${linli.number(n)} ${linli.words[this.weight === "households" ? "homes" : "persons"][0]}`; }

    show(found) {
      this.found = found;
      const { chosen, greedy } = found;
      const same = chosen.sites.length === greedy.sites.length && chosen.sites.every((site) => greedy.sites.some((other) => other.code === site.code));
      if (!same) this.mark(greedy.sites, "greedy");
      this.mark(chosen.sites, "best");
      const line = (key, value, ...more) => linli.el("li", { "data-siting": key }, linli.el("span", { class: "what" }, linli.word(key)), linli.el("b", {}, value), ...more);
      const of = linli.el("span", { class: "of" }, linli.words["siting.of"][0], ` ${this.people(found.uncovered)}`);
      this.part("facts").replaceChildren(
        line("siting.gain", this.people(chosen.covered), of),
        found.optimal ? linli.el("li", { "data-siting": "optimal" }, linli.el("span", { class: "sure" }, linli.word("optimal")))
          : line("gap", linli.percent(found.gap, 1), linli.el("span", { class: "of" }, `≤ ${this.people(found.bound)}`)),
        line("siting.greedy", this.people(greedy.covered), linli.el("span", { class: "of" }, same ? linli.word("siting.same") : linli.signed(Math.round(greedy.covered - chosen.covered)))));
      this.part("sites").replaceChildren(...(chosen.sites.length ? chosen.sites.map((site, i) => this.row(site, i)) : [linli.el("li", { class: "none" }, linli.word("siting.none"))]));
      this.part("adopt").disabled = !chosen.sites.length;
      this.part("result").hidden = false;
    }

    row(site, i) {
      const button = linli.el("button", { type: "button" }, linli.el("span", { class: "linli-site best", "aria-hidden": "true" }, String(i + 1)), linli.el("span", { class: "what" }, called(site, i)));
      button.addEventListener("click", () => linli.pointAt(this.map, site));
      return linli.el("li", {}, button);
    }

    mark(sites, look) {
      sites.forEach((site, i) => {
        const icon = L.divIcon({ className: "linli-site-mark", html: linli.el("span", { class: `linli-site ${look}` }, String(i + 1)), iconSize: [28, 28] });
        const label = look === "best" ? linli.words["siting.site"][0] : linli.words["siting.greedy"][0];
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
    return words.length ? words.join(" ") : `${linli.words["siting.site"][0]} ${i + 1}`;
  }

  linli.siting = (page) => new Siting(page);
})();
