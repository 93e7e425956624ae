// What if: stations dragged, added, closed or open at other hours, and coverage before and after. The server computes and keeps nothing.
"use strict";
(() => {
  const MOST = 2000;
  const LISTED = 12;
  const BETTER = "#14602f";
  const WORSE = "#b3261e";
  const TRIED = "#7a4a86";
  const rounded = (degrees) => Math.round(degrees * 1e6) / 1e6;

  class WhatIf {
    constructor(page, settings) {
      this.page = page;
      this.map = page.map;
      this.settings = settings;
      this.box = this.map.view.querySelector("[data-tool=whatif]");
      this.part = (name) => this.box.querySelector(`[data-${name}]`);
      this.place = this.box.querySelector("[data-place]");
      this.edits = linli.edits();
      this.known = new Map(); // code → Feature, as stored
      this.markers = new Map(); // code → marker
      this.group = L.featureGroup();
      this.reaches = L.featureGroup(); // circles of edited stations
      this.changed = new Map(); // code of a grid → its gain
      this.outlines = this.changesLayer();
      this.run = linli.latest(this.map, "whatif", (signal) => this.compute(signal));
      this.draw = linli.latest(this.map, "whatif-circles", (signal) => this.drawCircles(signal));
      this.hours = linli.hoursForm(this);
      this.loadStations = linli.latest(this.map, "whatif-stations", (signal) => this.fetchStations(signal));
      this.listen();
    }

    changesLayer() {
      const { protomapsL } = window;
      const line = (wanted, color, dash) => ({
        dataLayer: "grids", filter: (zoom, feature) => wanted(this.changed.get(feature.props.code)),
        symbolizer: new protomapsL.LineSymbolizer({ color, width: 3.2, dash, lineJoin: "round" }),
      });
      return linli.tileLayer(this.map, "changes", {
        sources: { "": { url: linli.tiles(this.map, this.map.options.urls.grid_tiles), maxDataZoom: 16 } },
        paintRules: [line((gain) => gain >= 0, BETTER), line((gain) => gain < 0, WORSE, [7, 4])], labelRules: [],
      });
    }

    listen() {
      const on = (name, work) => this.part(name).addEventListener("click", work);
      on("edit", () => this.turn(!this.editing));
      on("add", () => this.arm(!this.adding));
      on("undo", () => { this.edits.undo(); this.changedEdits(); });
      on("reset", () => { this.edits.reset(); this.changedEdits(); });
      on("place-close", () => this.close(this.place.elements.code.value));
      this.place.addEventListener("submit", (event) => { event.preventDefault(); this.typed(); });
      this.place.elements.code.addEventListener("change", () => this.fillPlace());
      this.map.on("click", (event) => { if (this.adding) this.add(event.latlng.lng, event.latlng.lat); });
      document.addEventListener("keydown", (event) => { if (event.key === "Escape" && this.adding) this.arm(false); });
      this.map.on("linli:coverage", ({ fresh }) => { if (!this.editing) return; if (fresh) this.known.clear(); this.loadStations(); });
      for (const input of this.part("offers").querySelectorAll("input")) input.addEventListener("change", () => { this.offersChosen = true; });
    }

    /** Begin or end editing; edits are kept until they are taken back or the page is left. */
    turn(editing) {
      this.editing = editing;
      this.part("edit").replaceChildren(linli.word(editing ? "edit.stop" : "edit.start"));
      this.part("edit").setAttribute("aria-pressed", String(editing));
      this.part("editing").hidden = !editing;
      if (editing) { this.box.open = true; this.box.scrollIntoView({ block: "nearest" }); }
      this.map.getContainer().toggleAttribute("data-editing", editing);
      this.map.closePopup();
      this.arm(false);
      for (const layer of [this.reaches, this.group, this.outlines]) this.map[editing ? "addLayer" : "removeLayer"](layer);
      if (editing) { this.loadStations(); return; }
      this.page.circles.fade(new Set());
      this.show(null);
    }

    /** Return the edits as text for the page's address; null without any. */
    told() {
      const list = this.editing ? this.edits.list() : [];
      return list.length ? linli.packed(list.map(({ op, station: { name, ...station } }) => ({ op, station }))) : null;
    }

    /** Take up the edits that the page's address brings. */
    restore(text) {
      this.edits.restore(linli.unpacked(text), Object.keys(this.settings.services));
      for (const { op, station } of this.edits.steps.flat()) if (op === "add") station.name = `${linli.word("station.new")} ${station.code.slice(4)}`;
      if (this.edits.steps.length) this.turn(true);
    }

    /** Fetch the stations that may be edited: those that offer a service asked for. */
    async fetchStations(signal) {
      if (!this.known.size) {
        const found = await linli.getAll(this.map, this.map.options.urls.stations, { limit: 1000 }, MOST, signal);
        for (const feature of found.features) this.known.set(feature.properties.code, feature);
        linli.notice(this.map, "whatif-many", found.more ? linli.word("edit.many") : "");
      }
      if (!this.offersChosen) {
        const asked = this.page.asked().service;
        for (const input of this.part("offers").querySelectorAll("input")) input.checked = asked.includes(input.value);
      }
      this.changedEdits();
    }

    /** Return the stations on the map as they now are: {feature, op}. */
    stations() {
      const state = this.edits.state();
      const asked = this.page.asked().service;
      const offers = (feature) => !asked.length || (feature.properties.services || []).some((offer) => asked.includes(offer.kind));
      const now = [];
      for (const [code, feature] of this.known) {
        const edit = state.get(code);
        if (edit || offers(feature)) now.push({ op: edit ? edit.op : "", feature: edit ? edited(feature, edit) : feature });
      }
      for (const { op, station } of state.values()) if (op === "add") now.push({ op, feature: asFeature(station) });
      return now;
    }

    changedEdits() {
      this.page.circles.fade(new Set(this.edits.state().keys()));
      this.drawStations();
      this.listEdits();
      this.fillPlace();
      this.hours.fill();
      this.draw();
      return this.run();
    }

    drawStations() {
      const now = this.stations();
      const signs = new Map(now.map((one) => [one.feature.properties.code, `${one.op}:${one.feature.geometry.coordinates}:${JSON.stringify(one.feature.properties.services)}`]));
      const focused = document.activeElement && document.activeElement.dataset.code;
      for (const [code, marker] of this.markers) {
        if (signs.get(code) !== marker.sign) { this.group.removeLayer(marker); this.markers.delete(code); }
      }
      for (const { op, feature } of now) {
        const { code } = feature.properties;
        if (!this.markers.has(code)) { const marker = this.marker(op, feature); marker.sign = signs.get(code); this.markers.set(code, marker); this.group.addLayer(marker); }
      }
      if (focused && this.markers.has(focused) && this.markers.get(focused).getElement()) this.markers.get(focused).getElement().focus();
    }

    /** Draw the circles that edited stations would have; a closed one has none. */
    async drawCircles(signal) {
      const edits = this.editing ? this.edits.list() : [];
      const found = edits.length ? await linli.post(this.map, this.map.options.urls.circles, { parameters: this.page.body(), edits }, signal) : { features: [] };
      this.reaches.clearLayers();
      for (const circle of found.features) {
        this.reaches.addLayer(L.geoJSON(circle, { pane: "nested", interactive: false, style: { stroke: false, fillColor: TRIED, fillOpacity: 0.12 } }));
        this.reaches.addLayer(L.geoJSON(linli.outerEdge(circle), { pane: "nested", interactive: false, className: "linli-tried", style: { color: TRIED, weight: 2.2, dashArray: "2 5", fill: false } }));
      }
    }

    marker(op, feature) {
      const marker = linli.stationMarker(feature, this.settings);
      marker.facts.tried = op === "add" || op === "move";
      marker.options.draggable = op !== "close";
      marker.options.autoPan = true;
      marker.bindPopup(() => this.card(op, feature), { className: "linli-popup", maxWidth: 320, minWidth: 260 });
      marker.on("add", () => {
        const node = marker.getElement();
        node.classList.add("linli-edit");
        node.dataset.code = feature.properties.code;
        if (op) node.dataset.op = op;
      });
      let reach = null;
      marker.on("dragstart", () => { reach = this.reachOf(feature).addTo(this.map); });
      marker.on("drag", () => reach.setLatLng(marker.getLatLng()));
      marker.on("dragend", () => { reach.remove(); const { lng, lat } = marker.getLatLng(); this.move(feature.properties.code, lng, lat); });
      return marker;
    }

    /** The farthest that anybody walks from a station, shown while it is dragged: the walk itself is only known to the server. */
    reachOf(feature) {
      const [lon, lat] = feature.geometry.coordinates;
      const circle = L.circle([lat, lon], { pane: "outline", interactive: false, className: "linli-reach", radius: this.page.reach_m || 0, color: TRIED, weight: 1.6, dashArray: "2 6", fill: false });
      return circle;
    }

    card(op, feature) {
      const { code } = feature.properties;
      const button = (key, work) => {
        const node = linli.el("button", { type: "button", class: "linli-button", "data-act": key }, linli.word(key));
        node.addEventListener("click", () => { this.map.closePopup(); work(); });
        return node;
      };
      const hours = () => this.hours.open(code);
      const acts = op === "add" ? [button("station.hours", hours), button("station.remove", () => this.close(code))]
        : [op === "close" ? null : button("station.hours", hours), op === "close" ? null : button("station.close", () => this.close(code)), op ? button("station.reopen", () => this.step({ op: "restore", station: { code } })) : null];
      const card = linli.stationCard(feature.properties, this.settings);
      card.append(linli.el("div", { class: "linli-acts" }, ...acts.filter(Boolean)));
      return card;
    }

    step(...edits) { this.edits.push(...edits); return this.changedEdits(); }

    move(code, lon, lat) { return this.step({ op: "move", station: { code, lon: rounded(lon), lat: rounded(lat) } }); }

    close(code) { if (code && this.room(1)) this.step({ op: "close", station: { code } }); }

    room(n) {
      const free = this.edits.room(n);
      linli.notice(this.map, "whatif-limit", free ? "" : linli.word("edit.limit"));
      return free;
    }

    /** Wait for a click on the map that places a new station, or stop waiting. */
    arm(adding) {
      this.adding = adding && this.chosenOffers().length > 0;
      linli.notice(this.map, "adding", this.adding ? linli.word("edit.click") : adding ? linli.word("edit.services") : "");
      this.part("add").setAttribute("aria-pressed", String(this.adding));
      this.map.getContainer().toggleAttribute("data-adding", this.adding);
    }

    chosenOffers() { return [...this.part("offers").querySelectorAll("input:checked")].map((input) => input.value); }

    add(lon, lat) {
      this.arm(false);
      const services = this.chosenOffers();
      if (!services.length) { linli.notice(this.map, "adding", linli.word("edit.services")); return; }
      if (this.room(1)) this.step({ op: "add", station: this.fresh(lon, lat, services) });
    }

    fresh(lon, lat, services) {
      const { code, number } = this.edits.next();
      return { code, name: `${linli.word("station.new")} ${number}`, lon: rounded(lon), lat: rounded(lat), services: services.map((kind) => ({ kind })) };
    }

    /** Add chosen sites as new stations of a service, in one step. */
    addSites(sites, service) {
      if (!this.room(sites.length)) return;
      this.edits.push(...sites.map((site) => ({ op: "add", station: this.fresh(site.lon, site.lat, [service]) })));
      this.turn(true);
    }

    /** Place a station by its typed position: the way without a mouse. */
    typed() {
      const { code, lon, lat } = this.place.elements;
      const given = lon.value !== "" && lat.value !== "" && lon.checkValidity() && lat.checkValidity();
      linli.notice(this.map, "typed", given ? "" : linli.word("edit.position"));
      if (!given) return;
      if (code.value) this.move(code.value, Number(lon.value), Number(lat.value));
      else this.add(Number(lon.value), Number(lat.value));
    }

    /** Offer every station by name, with its present position. */
    fillPlace() {
      const { code, lon, lat } = this.place.elements;
      const chosen = code.value;
      const all = this.stations().filter((one) => one.op !== "close").map(({ feature }) => feature);
      const option = (value, text) => linli.el("option", { value }, text);
      code.replaceChildren(option("", linli.word("station.new")), ...all.map(({ properties }) => option(properties.code, linli.tidy(properties.name || properties.code, 40))));
      code.value = all.some(({ properties }) => properties.code === chosen) ? chosen : "";
      const at = all.find(({ properties }) => properties.code === code.value);
      this.part("place-close").disabled = !at;
      if (at) [lon.value, lat.value] = at.geometry.coordinates.map(rounded);
    }

    async compute(signal) {
      const edits = this.editing ? this.edits.list() : [];
      if (!edits.length) { this.show(null); return; }
      this.show(await linli.post(this.map, this.map.options.urls.scenario, { parameters: this.page.body(), edits }, signal));
    }

    show(found) {
      this.changed = new Map((found ? found.grids : []).map((row) => [row.code, linli.gainOf(row)]));
      this.page.override(new Map((found ? found.grids : []).map((row) => [row.code, row])));
      this.outlines.rerenderTiles();
      this.part("result").hidden = !found;
      if (!found) return;
      const fact = (key, n) => linli.el("li", { "data-new": key }, linli.word(key), linli.el("b", {}, linli.tn("{n} 户", n)));
      this.part("totals").replaceChildren(linli.beforeAfter(found));
      this.part("new").replaceChildren(fact("newly.covered", found.newly_covered), fact("newly.uncovered", found.newly_uncovered));
      const rows = [...found.grids].sort((a, b) => Math.abs(linli.gainOf(b)) - Math.abs(linli.gainOf(a)));
      this.part("changed-said").replaceChildren(linli.el("b", {}, linli.number(rows.length)), " ", linli.word("changed.n"));
      this.part("changed").replaceChildren(...rows.slice(0, LISTED).map((row) => this.changedRow(row)));
    }

    changedRow(row) {
      const gain = linli.gainOf(row);
      const button = linli.el("button", { type: "button" }, linli.el("span", { class: "what" }, linli.tidy(row.name || row.code, 40)),
        linli.el("b", { class: gain < 0 ? "down" : "up" }, linli.signed(gain)));
      button.addEventListener("click", () => this.page.showGrid(row.code));
      return linli.el("li", {}, button);
    }

    listEdits() {
      const rows = [...this.edits.state().values()].map(({ op, station, services }) => {
        const stored = this.known.get(station.code);
        const name = linli.tidy(stored ? stored.properties.name : station.name || station.code, 40);
        const from = stored && op === "move" ? this.map.distance([station.lat, station.lon], [...stored.geometry.coordinates].reverse()) : null;
        return linli.el("li", {}, linli.el("span", { class: "op", "data-op": op }, linli.word(`edit.${op}`)), linli.el("span", { class: "what" }, name),
          services && op !== "hours" ? linli.el("span", { class: "op", "data-op": "hours" }, linli.word("edit.hours")) : null,
          from === null ? null : linli.el("span", { class: "of" }, linli.t("{n} 米", { n: linli.number(Math.round(from)) })));
      });
      this.part("edits").replaceChildren(...(rows.length ? rows : [linli.el("li", { class: "none" }, linli.word("edit.none"))]));
      for (const name of ["undo", "reset"]) this.part(name).disabled = !this.edits.steps.length;
    }
  }

  const asFeature = (station) => ({ type: "Feature", geometry: { type: "Point", coordinates: [station.lon, station.lat] }, properties: { ...station, kind: "" } });
  /** Return a stored station as an edit has it: elsewhere, or with other hours. */
  const edited = (feature, { op, station, services }) => ({
    ...feature,
    geometry: op === "move" ? { type: "Point", coordinates: [station.lon, station.lat] } : feature.geometry,
    properties: services ? { ...feature.properties, services } : feature.properties,
  });

  linli.whatIf = (page, settings) => new WhatIf(page, settings);
})();
