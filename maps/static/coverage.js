// Coverage: circles of the stations that offer the chosen services, who is inside, in total and grid by grid, on foot and by air.
"use strict";
(() => {
  class Coverage {
    constructor(map, settings) {
      this.map = map;
      this.settings = settings;
      this.form = map.view.querySelector("[data-coverage]");
      this.part = (name) => map.view.querySelector(`[data-${name}]`);
      this.circles = linli.circleShapes();
      this.drawCircles = linli.circlesInView(map, this.circles, () => this.circlesAsked());
      this.shades = linli.coverageShades(settings.colours);
      this.rows = new Map(); // code of a grid → its counts
      this.changes = new Map(); // code → {before, after} of a what-if
      this.extras = new Map(); // name of a shading → its answer, for the parameters of now
      this.outline = linli.outline(map);
      this.code = null; // of the grid that is outlined
      this.layer = linli.gridLayer(map, { look: (code) => this.look(code), tip: (code, name) => this.tip(code, name), click: (code) => this.picked(code) });
      this.layer.on("add", () => map.addLayer(this.circles));
      this.layer.on("remove", () => map.removeLayer(this.circles));
      this.load = linli.latest(map, "coverage", (signal, fresh) => this.fetch(signal, fresh));
      this.shadeAgain = linli.latest(map, "shade", async (signal) => { await this.fetchExtra(signal); this.paint(); });
      this.nested = linli.nestedCircles(map, () => this.asked());
      map.coverage = this;
      this.whatIf = linli.whatIf(this, settings);
      this.siting = linli.siting(this);
      this.listen();
      this.share();
      this.load(false);
    }

    /** Keep what is chosen in the page's address; the edits of a what-if behind its #, which no browser sends to any server. */
    share() {
      const choice = (name) => [name, linli.sharedChoice(this.form, `[name=${name}]`)];
      const field = (name) => [name, linli.sharedField(this.form.elements[name])];
      linli.share(this.map, {
        ...Object.fromEntries([...["service", "minutes", "method", "at", "dissolve", "shade"].map(choice), ...["free", "profile", "moment"].map(field)]),
        grid: { get: () => this.code, set: (code) => { this.code = code; this.outline.draw(code, false); } },
      });
      this.mind();
      linli.shareApart("edits", { get: () => this.whatIf.told(), set: (text) => this.whatIf.restore(text) });
    }

    picked(code) {
      if (this.whatIf.adding || this.siting.pointing()) return;
      this.code = code;
      this.outline.draw(code, false);
      linli.tell("grid", { code });
    }

    showGrid(code) { this.outline.draw(code, true); }

    chosenShade() { return this.form.querySelector("[data-shade]:checked").value; }

    /** Return the method chosen: walk, buffer, or both beside each other. */
    method() { return new FormData(this.form).get("method"); }

    /** Return the parameters of the form, as the server's queries take them. */
    asked() {
      const data = new FormData(this.form);
      const moment = data.get("moment") ? `${data.get("moment")}:00${this.settings.utc_offset}` : null;
      return {
        service: data.getAll("service"), minutes: data.get("minutes") === "free" ? data.get("free") : data.get("minutes"), profile: data.get("profile"),
        method: data.get("method") === "both" ? "walk" : data.get("method"), at: { any: "any", chosen: moment }[data.get("at")],
      };
    }

    /** Return what is shown and how, for paper and files; a what-if is not. */
    shown() { return { ...this.asked(), shade: this.chosenShade(), beside: this.method() === "both" }; }

    /** Return the parameters as the server's bodies take them. */
    body() {
      const { at, ...asked } = this.asked();
      return { ...asked, minutes: Number(asked.minutes), ...(at ? { at } : {}) };
    }

    /** Return which circles to draw: each kind's parameters, and what to mark them with. */
    circlesAsked() {
      const parameters = { ...this.asked(), dissolve: new FormData(this.form).get("dissolve") === "true" };
      return this.method() === "both" ? [[{ ...parameters, method: "walk" }, {}], [{ ...parameters, method: "buffer" }, { beside: true }]] : [[parameters, {}]];
    }

    async fetch(signal, fresh) {
      const parameters = this.asked();
      const { urls } = this.map.options;
      this.map.services = parameters.service;
      this.map.fire("linli:services", { services: parameters.service });
      this.part("figures").setAttribute("aria-busy", "true");
      this.extras.clear();
      const [found, shapes] = await Promise.all([
        linli.get(this.map, urls.coverage, { ...parameters, form: "columns" }, signal),
        this.drawCircles(signal),
        this.fetchExtra(signal),
      ]);
      this.reach_m = shapes[0].radius_m;
      const apart = (shapes[0].unjoined || []).length;
      this.part("none").hidden = shapes[0].stations > 0 || apart > 0;
      this.part("unjoined").hidden = apart === 0;
      this.part("unjoined").replaceChildren(linli.number(apart), " ", linli.word("unjoined.n"));
      this.rows = rowsOf(found.grids);
      this.part("figures").replaceChildren(...linli.coverageFigures(found, this.settings.reasons));
      this.part("figures").removeAttribute("aria-busy");
      this.paint();
      this.map.fire("linli:coverage", { fresh: Boolean(fresh) });
      this.nested.again();
    }

    /** Fetch what the chosen shading needs beyond coverage itself. */
    async fetchExtra(signal) {
      const name = this.chosenShade();
      const { path } = this.shades[name];
      if (!path || this.extras.has(name) || this.asked().service.length !== 1) return;
      const answer = await linli.get(this.map, this.map.options.urls[path], this.asked(), signal);
      this.extras.set(name, { answer, rows: new Map(answer.grids.map((row) => [row.code, row])) });
    }

    /** Show what changes in a what-if: grid → {before, after}. */
    override(changes) {
      if (!changes.size && !this.changes.size) return;
      this.changes = changes;
      this.paint();
    }

    value(code) {
      const row = this.rows.get(code);
      if (!row) return undefined;
      const change = this.changes.get(code);
      const extra = this.extras.get(this.chosenShade());
      return this.shades[this.chosenShade()].value(change ? { ...row, ...change.after } : row, extra && extra.rows.get(code));
    }

    look(code) {
      if (!this.rows.size) return null;
      const value = this.value(code);
      if (value === null) return { pattern: "dots" };
      const found = value === undefined ? null : this.classes.find((one) => one.has(value));
      return found ? { fill: found.look } : { pattern: "hatch" };
    }

    tip(code, name) {
      const row = this.rows.get(code);
      if (!row) return linli.gridTip(code, name, []);
      const change = this.changes.get(code);
      const lines = linli.coverageGroups.map(([whole, some]) => {
        const now = change ? `${linli.number(change.before[some])} → ${linli.number(change.after[some])}` : linli.number(row[some]);
        return [linli.word(whole), linli.t("{part} / {whole}（{share}）", {
          part: now, whole: linli.number(row[whole]), share: linli.percent((change ? change.after : row)[some], row[whole]),
        })];
      });
      if (typeof row.difference === "number") lines.push([linli.word("covered.buffer"), `${linli.number(row.covered_buffer)}（${linli.signed(row.difference)}）`]);
      const shade = this.shades[this.chosenShade()];
      const value = shade.said ? this.value(code) : undefined;
      if (typeof value === "number") lines.push([linli.word(this.chosenShade() === "week" ? "week" : "places"), shade.said(value)]);
      return linli.gridTip(code, name, lines);
    }

    paint() {
      const shade = this.shades[this.chosenShade()];
      const values = [...this.rows.keys()].map((code) => this.value(code));
      const known = values.filter((value) => typeof value === "number");
      this.classes = shade.classes(known);
      this.layer.rerenderTiles();
      const counts = this.classes.map(() => 0);
      for (const value of known) counts[this.classes.findIndex((one) => one.has(value))] += 1;
      const rows = this.classes.map((one, i) => ({ look: one.look, words: one.words, count: counts[i] })).reverse();
      const hidden = values.filter((value) => value === null).length;
      rows.push({ look: "hatch", words: linli.word("no.data"), count: values.length - known.length - hidden });
      if (hidden) rows.push({ look: "dots", words: linli.word("suppressed"), count: hidden });
      linli.legend(this.part("legend"), rows, false, linli.shadeOpacity);
      this.part("legend-title").replaceChildren(...shade.title());
      const extra = this.extras.get(this.chosenShade());
      this.part("shade-told").hidden = !extra;
      if (extra) this.part("shade-told").replaceChildren(shade.told(extra.answer));
      this.part("lines").hidden = this.method() !== "both";
    }

    /** Let the form show only what may be filled in now. */
    mind() {
      const data = new FormData(this.form);
      this.part("free").disabled = data.get("minutes") !== "free";
      this.part("moment-row").hidden = data.get("at") !== "chosen";
      const single = data.getAll("service").length === 1;
      const may = { difference: data.get("method") !== "buffer", week: single, capacity: single };
      for (const [name, allowed] of Object.entries(may)) {
        const input = this.form.querySelector(`[data-shade][value=${name}]`);
        if (!input) continue;
        input.disabled = !allowed;
        if (!allowed && input.checked) this.form.querySelector("[data-shade]").checked = true;
      }
      const said = [...this.form.querySelectorAll("[data-more] select, [data-more] input:checked")].map((input) => (input.selectedOptions ? input.selectedOptions[0] : input.closest("label").querySelector("span")).firstChild.textContent.trim());
      this.part("more-said").replaceChildren(said.join(" · "));
    }

    ready() {
      const data = new FormData(this.form);
      return this.form.checkValidity() && (data.get("at") !== "chosen" || Boolean(data.get("moment")));
    }

    /** To compare the methods is to look at their difference. */
    follow(event) {
      if (event.target.name !== "method") return;
      const difference = this.form.querySelector("[data-shade][value=difference]");
      if (event.target.value === "both") difference.checked = true;
      else if (difference && difference.checked) this.form.querySelector("[data-shade]").checked = true;
    }

    listen() {
      const soon = linli.soon(this.map, "coverage-asked", 150, () => this.load(false));
      this.form.addEventListener("submit", (event) => event.preventDefault());
      this.form.addEventListener("input", (event) => {
        this.follow(event);
        this.mind();
        if (event.target.matches("[data-shade]")) { if (this.rows.size) this.shadeAgain(); return; }
        soon(this.ready());
      });
      for (const name of ["refresh", "imported"]) linli.hear(name, () => this.load(true));
      this.mind();
    }
  }

  /** Return the rows of an answer in columns, by code. */
  function rowsOf({ code, ...columns }) {
    const names = Object.keys(columns).filter((name) => columns[name].length);
    const known = (one, other) => (none(one) || none(other) ? null : one - other);
    return new Map(linli.codesOf(code).map((one, i) => {
      const row = Object.fromEntries(names.map((name) => [name, columns[name][i]]));
      if ("covered_buffer" in row) row.difference = known(row.covered_buffer, row.covered);
      return [one, row];
    }));
  }

  const none = (value) => value === null || value === undefined;

  linli.coverage = (map, settings) => new Coverage(map, settings).layer;
})();
