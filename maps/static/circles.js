// Service circles, and what the planner's map offers to choose them by.
"use strict";
(() => {
  const STYLE = {
    buffer: { color: "#0d444c", weight: 1.6, fillColor: "#17616b", fillOpacity: 0.06 },
    walk: { color: "#8a3b0c", weight: 1.6, fillColor: "#c9671f", fillOpacity: 0.1 },
  };

  /** Make a layer that shows circles given as features, each with a tooltip. */
  linli.circleShapes = () => {
    const shapes = L.geoJSON(null, { pane: "circles", className: "linli-circle", style: (feature) => STYLE[feature.properties.method] || STYLE.buffer });
    shapes.show = (features) => {
      shapes.clearLayers();
      shapes.addData({ type: "FeatureCollection", features });
      shapes.eachLayer((circle) => circle.bindTooltip(() => told(circle.feature.properties), { className: "linli-tip", sticky: true }));
    };
    return shapes;
  };

  function told(facts) {
    const name = facts.name ? linli.tidy(facts.name, 60) : `${linli.word("dissolved", true)} · ${linli.number(facts.stations)} ${linli.words["places.n"][0]}`;
    const method = linli.words[facts.method] ? linli.words[facts.method][0] : "";
    const reach = facts.radius_m && facts.method === "buffer" ? `，${linli.words.radius[0]} ${linli.number(Math.round(facts.radius_m))} ${linli.words.metres[0]}` : "";
    return linli.el("div", {}, linli.el("strong", {}, name), linli.el("div", { class: "row" }, linli.el("span", {},
      `${linli.number(facts.minutes)} ${linli.words.minutes[0]}（${method}${reach}）`)));
  }

  /** The planner's circles: of one service, within some minutes, whatever the hour. */
  linli.circles = (map) => {
    const shapes = linli.circleShapes();
    const part = (name) => map.view.querySelector(`[data-circle-${name}]`);
    const load = linli.latest(map, "circles", async (signal) => {
      const found = await linli.get(map, map.options.urls.circles, {
        service: part("service").value, minutes: part("minutes").value, method: "buffer", profile: "adult", at: "any",
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
