// Events as dots: the outline tells how late (solid, dashed, thick), the words stand in the tooltip; a tap on one tells the page which.
// While the page reports an event, a tap is a position also where a dot lies: what is new is often beside what is known.
"use strict";
(() => {
  const LOOKS = {
    late: { color: "#8f1d24", fillColor: "#c5383f", weight: 4, dashArray: null, radius: 10 },
    soon: { color: "#8a4a00", fillColor: "#e29a2d", weight: 3, dashArray: "4 3", radius: 9 },
    calm: { color: "#0d444c", fillColor: "#3f97a3", weight: 2, dashArray: null, radius: 8 },
    done: { color: "#5b676e", fillColor: "#c9cfcc", weight: 2, dashArray: null, radius: 6 },
  };

  linli.events = (map) => {
    map.createPane("events").style.zIndex = 460; // over the names: a dot must be seen and hit
    const group = L.featureGroup();
    let placing = false;
    const ring = L.circleMarker([0, 0], { pane: "events", radius: 17, color: "#17616b", weight: 3, fill: false, interactive: false });
    linli.hear("events", (found) => {
      group.clearLayers();
      for (const feature of (found && found.features) || []) {
        const [lon, lat] = feature.geometry.coordinates;
        const facts = feature.properties;
        const dot = L.circleMarker([lat, lon], { pane: "events", fillOpacity: 0.85, bubblingMouseEvents: false, nameless: true, ...LOOKS[facts.look] });
        dot.bindTooltip(linli.el("span", {}, linli.tidy(facts.name, 40)));
        dot.on("click", ({ originalEvent }) => {
          if (placing) map.fire("click", { latlng: map.mouseEventToLatLng(originalEvent) });
          else linli.tell("event", { id: facts.id });
        });
        group.addLayer(dot);
      }
    });
    linli.hear("reporting", (now) => { placing = now; });
    linli.hear("show-event", (place) => {
      ring.remove();
      if (!place) return;
      ring.setLatLng([place.lat, place.lon]).addTo(map);
      map.setView([place.lat, place.lon], Math.max(map.getZoom(), 16), { animate: false });
    });
    return group;
  };
})();
