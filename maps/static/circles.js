// Service circles, and what the planner's map offers to choose them by.
"use strict";
(() => {
  const LINES = { buffer: "#0d444c", walk: "#8a3b0c" };
  const FILLS = { buffer: "#17616b", walk: "#c9671f" };

  /** Return a circle's outer edge: the many small holes of a walk are seen in its fill, and their edges would hide the ground. */
  linli.outerEdge = ({ geometry, ...rest }) => {
    const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    return { ...rest, geometry: { type: "MultiPolygon", coordinates: polygons.map((rings) => rings.slice(0, 1)) } };
  };

  /**
   * Make a layer that shows circles given as features, each with a tooltip on its line. However many lie over each other, the ground shows.
   * Those marked `beside` are there to compare with: a broken line and no inside.
   */
  linli.circleShapes = () => {
    const of = (colours) => (feature) => colours[feature.properties.method] || colours.buffer;
    const [line, fill] = [of(LINES), of(FILLS)];
    const insides = L.geoJSON(null, {
      pane: "insides", interactive: false, filter: (feature) => !feature.properties.beside, style: (feature) => ({ stroke: false, fillColor: fill(feature), fillOpacity: 1 }),
    });
    const lines = L.geoJSON(null, {
      pane: "circles", className: "linli-circle",
      style: (feature) => ({ color: line(feature), weight: feature.properties.beside ? 1.4 : 1.8, dashArray: feature.properties.beside ? "7 6" : null, fill: false }),
    });
    const shapes = L.featureGroup([insides, lines]);
    let faded = new Set();
    shapes.show = (features) => {
      insides.clearLayers().addData({ type: "FeatureCollection", features });
      lines.clearLayers().addData({ type: "FeatureCollection", features: features.map(linli.outerEdge) });
      lines.eachLayer((circle) => circle.bindTooltip(() => told(circle.feature.properties), { className: "linli-tip", sticky: true }));
      if (faded.size) shapes.fade(faded);
    };
    /** Let the circles of some stations (codes) step back: they no longer stand there. */
    shapes.fade = (codes) => {
      faded = codes;
      const gone = (circle) => codes.has(circle.feature.properties.code);
      insides.eachLayer((circle) => circle.setStyle({ fillOpacity: gone(circle) ? 0 : 1 }));
      lines.eachLayer((circle) => circle.setStyle({ opacity: gone(circle) ? 0.25 : 1 }));
    };
    return shapes;
  };

  function told(facts) {
    const name = facts.name ? linli.tidy(facts.name, 60) : `${linli.word("dissolved")} · ${linli.tn("{n} 处", facts.stations)}`;
    const method = linli.words[facts.method] ? linli.word(facts.method) : "";
    const reach = facts.radius_m && facts.method === "buffer" ? linli.t("，半径 {n} 米", { n: linli.number(Math.round(facts.radius_m)) }) : "";
    return linli.el("div", {}, linli.el("strong", {}, name), linli.el("div", { class: "row" }, linli.el("span", {},
      linli.t("{n} 分钟（{how}）", { n: linli.number(facts.minutes), how: `${method}${reach}` }))));
  }

  // Steps from corner to corner in the signs of the encoded polyline format, as numbers.
  function steps(text) {
    const found = [];
    let [value, shift] = [0, 0];
    for (let i = 0; i < text.length; i += 1) {
      const sign = text.charCodeAt(i) - 63;
      value += (sign & 31) * 2 ** shift;
      shift += 5;
      if (sign < 32) { found.push(value % 2 ? -(value + 1) / 2 : value / 2); [value, shift] = [0, 0]; }
    }
    return found;
  }

  /** Return the circles of an answer in lines (`resolution_m`) as GeoJSON features. */
  linli.circleFeatures = ({ code, name, lines, pitch, stations, minutes, method, radius_m }, more = {}) => lines.map((text, i) => {
    let first = [0, 0];
    const coordinates = text.split("/").map((polygon) => polygon.split(" ").map((ring) => {
      const way = steps(ring);
      let [x, y] = first;
      const corners = [];
      for (let at = 0; at < way.length; at += 2) { x += way[at]; y += way[at + 1]; corners.push([x * pitch, y * pitch]); if (!at) first = [x, y]; }
      return [...corners, corners[0]];
    }));
    const properties = { code: code[i], name: name[i], minutes, method, radius_m, stations, ...more };
    return { type: "Feature", geometry: { type: "MultiPolygon", coordinates: text ? coordinates : [] }, properties };
  });

  /**
   * Keep circles as fine as the view shows them: `asked()` gives what to ask for as [parameters, further properties], once for each kind of circle.
   * Returns what asks; zoomed in, or moved to where there are more, it asks by itself.
   */
  linli.circlesInView = (map, shapes, asked) => {
    const FINER = 0.75;
    let had = null;
    let turn = 0;
    const load = async (signal) => {
      turn += 1;
      const mine = turn;
      const bounds = map._loaded ? map.getBounds().pad(0.5) : L.latLngBounds([-90, -180], [90, 180]); // an empty place has no view
      const resolution_m = map._loaded ? Number(linli.metresPerPixel(map).toPrecision(2)) : 10;
      const kinds = asked();
      const view = { resolution_m, bbox: linli.boxOf(bounds) };
      const answers = await Promise.all(kinds.map(([parameters]) => linli.get(map, map.options.urls.circles, { ...parameters, ...view }, signal)));
      if (mine !== turn) return answers; // a later one draws
      shapes.show(answers.flatMap((answer, i) => linli.circleFeatures(answer, kinds[i][1])));
      had = { resolution_m, bounds, whole: answers.every(({ lines, code, stations }) => lines.length >= (code[0] === null ? 1 : stations)) };
      return answers;
    };
    const again = linli.latest(map, "circles-in-view", load);
    map.on("moveend", () => {
      if (!had || !map.hasLayer(shapes)) return;
      if (linli.metresPerPixel(map) < had.resolution_m * FINER || !(had.whole || had.bounds.contains(map.getBounds()))) again();
    });
    return load;
  };

  /** The planner's circles: of one service, within some minutes, whatever the hour; on the streets where any are known. */
  linli.circles = (map) => {
    const shapes = linli.circleShapes();
    const part = (name) => map.view.querySelector(`[data-circle-${name}]`);
    const load = linli.latest(map, "circles", linli.circlesInView(map, shapes, () => [[
      { service: part("service").value, minutes: part("minutes").value, profile: "adult", at: "any" }, {},
    ]]));
    const shown = () => map.hasLayer(shapes);
    for (const name of ["service", "minutes"]) {
      part(name).addEventListener("change", () => { if (shown()) load(); else map.addLayer(shapes); });
    }
    shapes.on("add", () => load());
    linli.hear("imported", () => { if (shown()) load(); });
    return shapes;
  };
})();
