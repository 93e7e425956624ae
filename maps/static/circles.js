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
    shapes.show = (features) => {
      insides.clearLayers().addData({ type: "FeatureCollection", features });
      lines.clearLayers().addData({ type: "FeatureCollection", features: features.map(linli.outerEdge) });
      lines.eachLayer((circle) => circle.bindTooltip(() => told(circle.feature.properties), { className: "linli-tip", sticky: true }));
    };
    /** Let the circles of some stations (codes) step back: they no longer stand there. */
    shapes.fade = (codes) => {
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

  /** The planner's circles: of one service, within some minutes, whatever the hour; on the streets where any are known. */
  linli.circles = (map) => {
    const shapes = linli.circleShapes();
    const part = (name) => map.view.querySelector(`[data-circle-${name}]`);
    const load = linli.latest(map, "circles", async (signal) => {
      const found = await linli.get(map, map.options.urls.circles, {
        service: part("service").value, minutes: part("minutes").value, profile: "adult", at: "any",
      }, signal);
      shapes.show(found.features);
    });
    const shown = () => map.hasLayer(shapes);
    for (const name of ["service", "minutes"]) {
      part(name).addEventListener("change", () => { if (shown()) load(); else map.addLayer(shapes); });
    }
    shapes.on("add", () => load());
    linli.hear("imported", () => { if (shown()) load(); });
    return shapes;
  };
})();
