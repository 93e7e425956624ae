// Grids shaded by a measure. Shapes come as vector tiles, values as one small answer: the page does not grow with the number of households.
"use strict";
(() => {
  const STYLES = {
    light: { edge: "rgba(33,66,74,0.75)", opacity: 0.66, chosen: "#b3261e" },
    dark: { edge: "rgba(150,205,210,0.55)", opacity: 0.82, chosen: "#ffd166" },
  };

  const REST_MS = 120;

  class Shades {
    // Paints each grid as `look(code)` says: {fill} a colour, {pattern} a name, or null.
    constructor(look, dark) { this.look = look; this.dark = dark; this.style = STYLES[dark ? "dark" : "light"]; }

    draw(pen, geometry, zoom, feature) {
      const look = this.look(feature.props.code);
      pen.beginPath();
      for (const ring of geometry) {
        ring.forEach((point, i) => (i ? pen.lineTo(point.x, point.y) : pen.moveTo(point.x, point.y)));
      }
      if (look) {
        pen.globalAlpha = look.pattern ? 0.9 : this.style.opacity;
        pen.fillStyle = look.pattern ? pen.createPattern(linli.pattern(look.pattern, this.dark), "repeat") : look.fill;
        pen.fill("evenodd");
      }
      pen.globalAlpha = 1;
      pen.strokeStyle = this.style.edge;
      pen.lineWidth = zoom < 13 ? 0.5 : 1.1;
      pen.stroke();
    }
  }

  linli.shadeOpacity = STYLES.light.opacity;
  /** Make the layer of grids; `look(code)` and `tip(code, name)` say how each is shown and told. */
  linli.gridLayer = (map, { look, tip, dark = false, click = () => {} }) => {
    const layer = linli.tileLayer(map, "shades", {
      sources: { "": { url: linli.tiles(map, map.options.urls.grid_tiles), maxDataZoom: 16 } },
      paintRules: [{ dataLayer: "grids", symbolizer: new Shades(look, dark) }], labelRules: [],
    });
    layer.at = (position) => {
      const found = layer.queryTileFeaturesDebug(position.lng, position.lat, 1).get("") || [];
      const hit = found.find((one) => one.layerName === "grids");
      return hit ? hit.feature.props : null;
    };
    const bubble = L.tooltip({ className: "linli-tip", direction: "top", offset: [0, -8], opacity: 1 });
    const names = new Map(); // code → name, of grids that the pointer has been on while the tiles told none
    let over = null;
    const say = (hit) => bubble.setContent(tip(hit.code, linli.tidy(hit.name || names.get(hit.code), 60)));
    // Tiles of many grids hold no names: whoever rests on one is told its name a moment later.
    const rest = (hit) => {
      if (!hit.name && !names.has(hit.code)) setTimeout(async () => {
        if (over !== hit.code || names.has(hit.code)) return;
        names.set(hit.code, "");
        try {
          names.set(hit.code, (await linli.get(map, map.options.urls.grid, { code: hit.code })).properties.name);
        } catch { names.delete(hit.code); }
        if (over === hit.code) say(hit);
      }, REST_MS);
    };
    const move = ({ latlng, originalEvent: { target } }) => {
      // What lies over the grid tells of itself, also while it is dragged.
      const free = !target.closest(".leaflet-interactive") && !map.getContainer().querySelector(".leaflet-drag-target");
      linli.onFrame(`tip${L.stamp(layer)}`, () => {
        const hit = free && map.hasLayer(layer) && !map.dragging.moving() ? layer.at(latlng) : null;
        const before = over;
        over = hit && hit.code;
        if (!hit) { bubble.remove(); return; }
        if (over !== before) rest(hit);
        bubble.setLatLng(latlng);
        say(hit);
        if (!map.hasLayer(bubble)) bubble.addTo(map);
      });
    };
    linli.hear("imported", () => names.clear());
    linli.hear("refresh", () => names.clear());
    const leave = () => { over = null; bubble.remove(); };
    const pick = (event) => { const hit = layer.at(event.latlng); if (hit) click(hit.code, event); };
    layer.on("add", () => map.on({ mousemove: move, mouseout: leave, click: pick, zoomstart: leave }));
    layer.on("remove", () => { leave(); map.off({ mousemove: move, mouseout: leave, click: pick, zoomstart: leave }); });
    return layer;
  };

  /** Outline one grid by its code; null takes the outline away. */
  linli.outline = (map, dark = false) => {
    const line = L.geoJSON(null, {
      pane: "outline", interactive: false, style: { color: STYLES[dark ? "dark" : "light"].chosen, weight: dark ? 4 : 3, fill: false },
    }).addTo(map);
    const draw = linli.latest(map, "outline", async (signal, code, go) => {
      line.clearLayers();
      if (!code) return;
      const feature = await linli.get(map, map.options.urls.grid, { code }, signal);
      line.addData(feature);
      if (go) linli.fit(map, line.getBounds().pad(0.15), 17);
    });
    return { draw, line };
  };

  /** The tooltip of a grid: its name, its code, then lines of [label, text]. */
  linli.gridTip = (code, name, rows) => linli.el("div", {},
    linli.el("strong", {}, name || code), linli.el("span", { class: "code" }, code),
    ...rows.map(([label, value]) => linli.el("div", { class: "row" }, linli.el("span", {}, label), linli.el("b", {}, value))));

  const MISSING = ["hatch", "no.data"];
  const HIDDEN = ["dots", "suppressed"];

  /** Return the codes of an answer in columns: the first, and the steps to the others. */
  linli.codesOf = ({ first, steps }) => {
    const codes = first ? [first] : [];
    let at = Number(first);
    for (const step of steps) { at += step; codes.push(String(at).padStart(first.length, "0")); }
    return codes;
  };

  /** Ask for a measure of the grids; what comes in columns is put back by code. */
  linli.measures = async (map, asked, signal) => {
    const { code, value, suppressed, ...found } = await linli.get(map, map.options.urls.measures, { ...asked, form: "columns" }, signal);
    const codes = linli.codesOf(code);
    let at = 0;
    return { ...found, values: Object.fromEntries(codes.map((one, i) => [one, value[i]])), suppressed: suppressed.map((step) => { at += step; return codes[at]; }) };
  };

  /** Return how a grid is shown and told by an answer of measures: `look(code)`, `said(code)`, and the rows of its legend. */
  linli.measured = (found) => {
    const hidden = new Set(found.suppressed || []);
    const known = (code) => { const value = found.values[code]; return value === null || value === undefined ? null : value; };
    const without = (code) => (hidden.has(code) ? HIDDEN : MISSING);
    const missing = Object.values(found.values).filter((one) => one === null).length - hidden.size;
    return {
      found,
      known,
      look: (code) => (known(code) === null ? { pattern: without(code)[0] } : { fill: found.colours[linli.classOf(known(code), found.breaks)] }),
      said: (code) => (known(code) === null ? linli.word(without(code)[1]) : `${linli.number(known(code))} ${linli.t(found.unit || "")}`),
      rows: () => [
        ...found.colours.map((look, i) => ({ look, words: linli.classWords(found.breaks, i), count: found.counts[i] })).reverse(),
        { look: MISSING[0], words: linli.word(MISSING[1]), count: Math.max(0, missing) },
        ...(hidden.size ? [{ look: HIDDEN[0], words: linli.word(HIDDEN[1]), count: hidden.size }] : []),
      ],
    };
  };

  /** Return the words over a legend: the measure, its unit, and the months that it is of. */
  linli.measureTitle = (found) => {
    const label = linli.t(found.label);
    const told = linli.t(found.unit || "");
    const unit = told && label.toLowerCase() !== told.toLowerCase() ? linli.t("（{unit}）", { unit: told }) : "";
    const span = found.from === found.to ? found.from : `${found.from}\u00a0–\u2060\u00a0${found.to}`;
    const months = found.from ? ` ${span.replaceAll("-", "\u2011")}` : ""; // not broken at the end of a line
    return `${label}${unit}${months}`;
  };

  /** Return what a panel asks of a measure; `side` is what stands behind the names of its fields. The months are only those of a measure of months. */
  linli.measureAsked = (view, side = "") => {
    const part = (name) => view.querySelector(`[data-${name}${side}]`);
    const option = part("measure").selectedOptions[0];
    const monthly = Boolean(option && option.hasAttribute("data-monthly"));
    const span = part("span");
    if (span) span.hidden = !monthly;
    if (!monthly || !part("from").value) return { measure: part("measure").value };
    const [from, to] = [part("from").value, part("to").value].sort();
    return { measure: part("measure").value, from, to };
  };

  /** The planner's and the screen's grids: a measure is asked for by name, classes and colours come from the server. */
  linli.choropleth = (map, settings) => {
    const dark = settings.theme === "dark";
    const part = (name) => map.view.querySelector(`[data-${name}]`);
    let now = null;
    let code = settings.grid || null;
    let fitted = false;
    const chosen = linli.outline(map, dark);
    const layer = linli.gridLayer(map, {
      look: (one) => (now ? now.look(one) : null), dark, tip: (one, name) => linli.gridTip(one, name, now ? [[linli.t(now.found.label), now.said(one)]] : []),
      click: (one) => { if (!settings.quiet) { code = one; chosen.draw(one, false); linli.tell("grid", { code: one }); } },
    });
    const value = (name, otherwise) => (part(name) ? part(name).value : otherwise);
    const load = linli.latest(map, "measures", async (signal) => {
      const asked = part("measure") ? linli.measureAsked(map.view) : { measure: settings.measure };
      if (!asked.measure) return;
      now = linli.measured(await linli.measures(map, {
        ...asked, scheme: value("scheme", "quantiles"), k: value("k", 5), palette: value("palette", settings.palette),
      }, signal));
      layer.rerenderTiles();
      if (part("legend")) linli.legend(part("legend"), now.rows(), dark, STYLES[dark ? "dark" : "light"].opacity);
      if (part("legend-title")) part("legend-title").replaceChildren(linli.measureTitle(now.found));
      if (settings.quiet && !fitted) { fitted = true; linli.home(map); } // a wall's legend has its height only now
    });
    const fields = ["measure", "from", "to", "scheme", "k", "palette"].filter(part);
    for (const name of fields) part(name).addEventListener("change", () => load());
    linli.hear("show-grid", (detail) => { code = (detail && detail.code) || null; chosen.draw(code, Boolean(code)); });
    linli.hear("refresh", () => load());
    linli.hear("focus", ({ bounds }) => { // a wall goes from one part of the place to the next
      if (bounds) linli.fit(map, [[bounds[1], bounds[0]], [bounds[3], bounds[2]]], 17);
      else linli.home(map);
    });
    linli.hear("imported", () => load());
    if (map.shared) {
      linli.share(map, {
        ...Object.fromEntries(fields.map((name) => [name, linli.sharedField(part(name))])),
        grid: { get: () => code, set: (one) => { code = one; } },
      });
    }
    if (code) chosen.draw(code, false);
    load();
    return layer;
  };

  /** Whatever the page asks to be shown: a GeoJSON feature, in strong outline. */
  linli.findings = (map) => {
    const line = L.geoJSON(null, {
      pane: "outline", interactive: false, style: { color: "#b3261e", weight: 3, fillOpacity: 0.25 },
      pointToLayer: (feature, position) => L.circleMarker(position, { radius: 11, color: "#b3261e", weight: 3, fillOpacity: 0.25, pane: "outline" }),
    });
    linli.hear("show", (detail) => {
      line.clearLayers();
      if (!detail || !detail.feature || !detail.feature.geometry) return;
      line.addData(detail.feature);
      linli.fit(map, line.getBounds().pad(0.4), 18);
    });
    return line;
  };
})();
