// One station looked at closely: how far 5, 10 and 15 minutes reach, one circle within the other.
"use strict";
(() => {
  const STEPS = [15, 10, 5];
  const COLOURS = { 15: "#7a4a86", 10: "#5c2f6b", 5: "#3d1a4b" };

  /** Draw the circles of the station whose card is open; `asked()` gives the parameters of the page. */
  linli.nestedCircles = (map, asked) => {
    const group = L.featureGroup();
    const clear = () => { group.clearLayers(); group.remove(); delete map.getContainer().dataset.nested; };
    const draw = linli.latest(map, "nested", async (signal, facts) => {
      clear();
      if (!facts) return;
      const { method, profile } = asked();
      const found = await Promise.all(STEPS.map((minutes) => linli.get(map, map.options.urls.circles, { station: facts.code, minutes, method, profile, at: "any" }, signal)));
      found.forEach((answer, i) => answer.features.forEach((circle) => add(STEPS[i], circle)));
      if (group.getLayers().length) { group.addTo(map); map.getContainer().dataset.nested = facts.code; }
    });

    function add(minutes, circle) {
      const colour = COLOURS[minutes];
      const inside = L.geoJSON(circle, { pane: "nested", interactive: false, style: { stroke: false, fillColor: colour, fillOpacity: 0.1 } });
      const shape = L.geoJSON(linli.outerEdge(circle), { pane: "nested", interactive: false, className: "linli-nested", style: { color: colour, weight: 2.2, fill: false } });
      const bounds = shape.getBounds();
      const top = L.tooltip({ permanent: true, direction: "center", className: "linli-minutes", interactive: false });
      top.setLatLng(highest(circle) || bounds.getCenter()).setContent(linli.el("span", {}, linli.t("{n} 分钟", { n: minutes })));
      group.addLayer(inside).addLayer(shape).addLayer(top);
    }

    const shownFor = (event) => event.popup._source && event.popup._source.facts;
    map.on("popupopen", (event) => { const facts = shownFor(event); if (facts && !facts.tried) draw(facts); });
    map.on("popupclose", (event) => { if (shownFor(event)) draw(null); });
    return { again: () => { if (map._popup && map._popup.isOpen() && shownFor({ popup: map._popup })) draw(shownFor({ popup: map._popup })); } };
  };

  /** Return the northernmost point of a polygon, where its minutes are written. */
  function highest(circle) {
    let best = null;
    const visit = (part) => {
      if (typeof part[0] !== "number") { part.forEach(visit); return; }
      if (!best || part[1] > best.lat) best = L.latLng(part[1], part[0]);
    };
    visit(circle.geometry.coordinates);
    return best;
  }
})();
