// Coverage: circles of the stations that offer the chosen services, and who is inside, in total and grid by grid.
"use strict";
(() => {
  const SHARES = [0, 20, 40, 60, 80, 100];
  const GROUPS = [["households", "covered"], ["elders_60", "elders_60_covered"], ["children_12", "children_12_covered"]];

  class Coverage {
    constructor(map, settings) {
      this.map = map;
      this.settings = settings;
      this.form = map.view.querySelector("[data-coverage]");
      this.part = (name) => map.view.querySelector(`[data-${name}]`);
      this.circles = linli.circleShapes();
      this.rows = new Map();
      const chosen = linli.outline(map);
      this.layer = linli.gridLayer(map, {
        look: (code) => this.look(code), tip: (code, name) => this.tip(code, name),
        click: (code) => { chosen.draw(code, false); linli.tell("grid", { code }); },
      });
      this.layer.on("add", () => map.addLayer(this.circles));
      this.layer.on("remove", () => map.removeLayer(this.circles));
      this.load = linli.latest(map, "coverage", (signal) => this.fetch(signal));
      this.listen();
      this.load();
    }

    group() { return this.form.querySelector("[data-group]:checked").value; }

    /** Return a grid's covered share in percent; undefined where nobody lives, null where it may not be shown. */
    share(row) {
      const [whole, some] = GROUPS.find(([name]) => name === this.group());
      if (row[whole] === null || row[some] === null) return null;
      return row[whole] ? (row[some] / row[whole]) * 100 : undefined;
    }

    look(code) {
      if (!this.rows.size) return null;
      const row = this.rows.get(code);
      const share = row ? this.share(row) : undefined;
      if (share === undefined) return { pattern: "hatch" };
      return share === null ? { pattern: "dots" } : { fill: this.settings.colours[linli.classOf(share, SHARES)] };
    }

    tip(code, name) {
      const row = this.rows.get(code);
      const line = ([whole, some]) => [linli.words[whole][0], `${linli.number(row[some])} / ${linli.number(row[whole])}（${linli.percent(row[some], row[whole])}）`];
      return linli.gridTip(code, name, row ? GROUPS.map(line) : []);
    }

    asked() {
      const data = new FormData(this.form);
      const moment = data.get("moment") ? `${data.get("moment")}:00${this.settings.utc_offset}` : null;
      return {
        service: data.getAll("service"), minutes: data.get("minutes") === "free" ? data.get("free") : data.get("minutes"), profile: data.get("profile"),
        method: data.get("method"), at: { any: "any", chosen: moment }[data.get("at")],
      };
    }

    async fetch(signal) {
      const parameters = this.asked();
      const { urls } = this.map.options;
      this.map.services = parameters.service;
      this.map.fire("linli:services", { services: parameters.service });
      this.part("figures").setAttribute("aria-busy", "true");
      const dissolve = new FormData(this.form).get("dissolve") === "true";
      const [shapes, found] = await Promise.all([
        linli.get(this.map, urls.circles, { ...parameters, dissolve }, signal), linli.get(this.map, urls.coverage, parameters, signal),
      ]);
      this.circles.show(shapes.features);
      this.part("none").hidden = shapes.features.length > 0;
      this.rows = new Map(found.grids.map((row) => [row.code, row]));
      this.part("figures").replaceChildren(...figures(found));
      this.part("figures").removeAttribute("aria-busy");
      this.paint();
    }

    paint() {
      this.layer.rerenderTiles();
      const counts = new Array(SHARES.length - 1).fill(0);
      let [empty, hidden] = [0, 0];
      for (const row of this.rows.values()) {
        const share = this.share(row);
        if (share === undefined) empty += 1;
        else if (share === null) hidden += 1;
        else counts[linli.classOf(share, SHARES)] += 1;
      }
      const rows = this.settings.colours.map((look, i) => ({ look, words: `${SHARES[i]}–${SHARES[i + 1]}%`, count: counts[i] })).reverse();
      rows.push({ look: "hatch", words: linli.word("no.data"), count: empty });
      if (hidden) rows.push({ look: "dots", words: linli.word("suppressed"), count: hidden });
      linli.legend(this.part("legend"), rows, false, linli.shadeOpacity);
      this.part("legend-title").replaceChildren(linli.word("share"), `：${linli.words[this.group()][0]}`);
    }

    /** Let the form show only what may be filled in now. */
    mind() {
      const data = new FormData(this.form);
      this.part("free").disabled = data.get("minutes") !== "free";
      this.part("moment-row").hidden = data.get("at") !== "chosen";
    }

    ready() {
      const data = new FormData(this.form);
      return this.form.checkValidity() && (data.get("at") !== "chosen" || Boolean(data.get("moment")));
    }

    listen() {
      let waiting = null;
      this.form.addEventListener("submit", (event) => event.preventDefault());
      this.form.addEventListener("input", (event) => {
        this.mind();
        if (event.target.matches("[data-group]")) { if (this.rows.size) this.paint(); return; }
        clearTimeout(waiting);
        if (this.ready()) waiting = setTimeout(this.load, 150);
      });
      for (const name of ["refresh", "imported"]) linli.hear(name, () => this.load());
      this.mind();
    }
  }

  /** Return the lines of the totals: each group's covered share, then who is beyond reach and who could not be computed. */
  function figures({ totals, unreachable }) {
    const lines = GROUPS.map(([whole, some]) => linli.el("li", { "data-figure": whole },
      linli.el("span", { class: "what" }, linli.word(whole)), linli.el("b", {}, linli.percent(totals[some], totals[whole])),
      bar(totals[some], totals[whole]), linli.el("span", { class: "of" }, `${linli.number(totals[some])} / ${linli.number(totals[whole])}`)));
    const plain = (words, n) => linli.el("li", { class: "plain" }, linli.el("span", { class: "what" }, ...words), linli.el("b", {}, `${linli.number(n)} 户`));
    if (totals.beyond !== undefined) lines.push(plain([linli.word("beyond")], totals.beyond));
    for (const [reason, n] of Object.entries(unreachable || {})) {
      if (n > 0) lines.push(plain([linli.words.unreachable[0], "：", linli.words[reason] ? linli.words[reason][0] : reason], n));
    }
    return lines;
  }

  function bar(some, whole) {
    const fill = linli.el("span", { class: "fill" });
    fill.style.width = `${whole ? (some / whole) * 100 : 0}%`;
    return linli.el("span", { class: "track", "aria-hidden": "true" }, fill);
  }

  linli.coverage = (map, settings) => new Coverage(map, settings).layer;
})();
