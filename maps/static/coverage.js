// Coverage: circles of the stations that offer the chosen services, and who is inside, in total and grid by grid.
"use strict";
(() => {
  const SHARES = [0, 20, 40, 60, 80, 100];
  const GROUPS = [["households", "covered"], ["elders_60", "elders_60_covered"], ["children_12", "children_12_covered"]];

  linli.coverage = (map, settings) => {
    const form = map.view.querySelector("[data-coverage]");
    const part = (name) => map.view.querySelector(`[data-${name}]`);
    const circles = linli.circleShapes();
    let rows = new Map();
    const group = () => form.querySelector("[data-group]:checked").value;
    const shareOf = (row) => {
      const [whole, some] = GROUPS.find(([name]) => name === group());
      if (!row || row[whole] === null || row[some] === null) return null;
      return row[whole] ? (row[some] / row[whole]) * 100 : undefined;
    };
    const look = (code) => {
      if (!rows.size) return null;
      const share = shareOf(rows.get(code));
      if (share === undefined) return { pattern: "hatch" };
      if (share === null) return { pattern: rows.has(code) ? "dots" : "hatch" };
      return { fill: settings.colours[linli.classOf(share, SHARES)] };
    };
    const tip = (code, name) => {
      const row = rows.get(code);
      const lines = row ? GROUPS.map(([whole, some]) => [linli.words[whole][0], `${linli.number(row[some])} / ${linli.number(row[whole])}（${linli.percent(row[some], row[whole])}）`]) : [];
      return linli.gridTip(code, name, lines);
    };
    const chosen = linli.outline(map);
    const layer = linli.gridLayer(map, { look, tip, click: (code) => { chosen.draw(code, false); linli.tell("grid", { code }); } });

    function asked() {
      const data = new FormData(form);
      const free = data.get("minutes") === "free";
      const at = { any: "any", chosen: data.get("moment") ? `${data.get("moment")}:00${settings.utc_offset}` : null }[data.get("at")];
      return {
        service: data.getAll("service"), minutes: free ? data.get("free") : data.get("minutes"), profile: data.get("profile"),
        method: data.get("method"), at,
      };
    }

    const load = linli.latest(map, "coverage", async (signal) => {
      part("figures").setAttribute("aria-busy", "true");
      const parameters = asked();
      map.services = parameters.service;
      map.fire("linli:services", { services: map.services });
      const dissolve = new FormData(form).get("dissolve") === "true";
      const [shapes, found] = await Promise.all([
        linli.get(map, map.options.urls.circles, { ...parameters, dissolve }, signal),
        linli.get(map, map.options.urls.coverage, parameters, signal),
      ]);
      circles.show(shapes.features);
      part("none").hidden = shapes.features.length > 0;
      rows = new Map(found.grids.map((row) => [row.code, row]));
      figures(found);
      paint();
      part("figures").removeAttribute("aria-busy");
    });

    function paint() {
      layer.rerenderTiles();
      const counts = new Array(SHARES.length - 1).fill(0);
      let empty = 0;
      let hidden = 0;
      for (const row of rows.values()) {
        const share = shareOf(row);
        if (share === undefined) empty += 1;
        else if (share === null) hidden += 1;
        else counts[linli.classOf(share, SHARES)] += 1;
      }
      const legend = settings.colours.map((colour, i) => ({ look: colour, words: `${SHARES[i]}–${SHARES[i + 1]}%`, count: counts[i] })).reverse();
      legend.push({ look: "hatch", words: linli.word("no.data"), count: empty });
      if (hidden) legend.push({ look: "dots", words: linli.word("suppressed"), count: hidden });
      linli.legend(part("legend"), legend, false, linli.shadeOpacity);
      part("legend-title").replaceChildren(linli.word("share"), `：${linli.words[group()][0]}`);
    }

    function figures(found) {
      const { totals } = found;
      const lines = GROUPS.map(([whole, some]) => linli.el("li", { "data-figure": whole },
        linli.el("span", { class: "what" }, linli.word(whole)),
        linli.el("b", {}, linli.percent(totals[some], totals[whole])),
        bar(totals[some], totals[whole]),
        linli.el("span", { class: "of" }, `${linli.number(totals[some])} / ${linli.number(totals[whole])}`)));
      const gone = Object.entries(found.unreachable || {}).filter(([, n]) => n > 0);
      if (totals.beyond !== undefined) {
        lines.push(linli.el("li", { class: "plain" }, linli.el("span", { class: "what" }, linli.word("beyond")), linli.el("b", {}, `${linli.number(totals.beyond)} 户`)));
      }
      for (const [reason, n] of gone) {
        lines.push(linli.el("li", { class: "plain" },
          linli.el("span", { class: "what" }, linli.words.unreachable[0], "：", linli.words[reason] ? linli.words[reason][0] : reason), linli.el("b", {}, `${linli.number(n)} 户`)));
      }
      part("figures").replaceChildren(...lines);
    }

    function bar(some, whole) {
      const track = linli.el("span", { class: "track", "aria-hidden": "true" });
      const fill = linli.el("span", { class: "fill" });
      fill.style.width = `${whole ? (some / whole) * 100 : 0}%`;
      track.append(fill);
      return track;
    }

    function mind() {
      const data = new FormData(form);
      part("free").disabled = data.get("minutes") !== "free";
      part("moment-row").hidden = data.get("at") !== "chosen";
    }
    let waiting = null;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
      mind();
      if (event.target.matches("[data-group]")) { if (rows.size) paint(); return; }
      if (!form.checkValidity()) return;
      if (new FormData(form).get("at") === "chosen" && !new FormData(form).get("moment")) return;
      clearTimeout(waiting);
      waiting = setTimeout(load, 150);
    });
    linli.hear("refresh", () => load());
    linli.hear("imported", () => load());
    mind();
    layer.on("add", () => map.addLayer(circles));
    layer.circles = circles;
    load();
    return layer;
  };
})();
