// The worker's small map: a tap gives a position; the page tells it where the worker is, the grid there and the stations near.
"use strict";
(() => {
  linli.worker = (map, settings) => {
    const group = L.featureGroup();
    const grid = L.geoJSON(null, { pane: "outline", interactive: false, style: { color: "#17616b", weight: 3.5, fillColor: "#17616b", fillOpacity: 0.1 } });
    const mine = L.geoJSON(null, { pane: "outline", interactive: false, style: { color: "#17616b", weight: 2, dashArray: "6 5", fill: false } });
    const stations = L.featureGroup();
    const around = L.circle([0, 0], { radius: 1, pane: "outline", interactive: false, color: "#1a6fb5", weight: 1, fillOpacity: 0.12 });
    const here = L.circleMarker([0, 0], { radius: 9, color: "#ffffff", weight: 3, fillColor: "#1a6fb5", fillOpacity: 1, interactive: false });
    const round = L.featureGroup();
    group.addLayer(mine).addLayer(grid).addLayer(stations).addLayer(round);

    /** A round: the stops numbered in their order, joined by a line that says the order and not the way. */
    const drawRound = (found) => {
      round.clearLayers();
      if (!found || !found.stops.length) return;
      const path = [...(found.from ? [found.from] : []), ...found.stops].map(({ lon, lat }) => [lat, lon]);
      round.addLayer(L.polyline(path, { pane: "outline", interactive: false, color: "#a84d14", weight: 3, dashArray: "2 7", lineCap: "round" }));
      const numbers = new Map(); // several homes of one building are one sign
      found.stops.forEach(({ lon, lat }, at) => numbers.set(`${lat},${lon}`, { place: [lat, lon], all: [...((numbers.get(`${lat},${lon}`) || { all: [] }).all), at + 1] }));
      for (const { place, all } of numbers.values()) {
        const sign = document.createElement("span");
        sign.textContent = all.length > 2 ? `${all[0]}–${all[all.length - 1]}` : all.join("·");
        round.addLayer(L.marker(place, { interactive: false, keyboard: false, icon: L.divIcon({ className: "linli-stop", html: sign, iconSize: null }) }));
      }
      map.fitBounds(round.getBounds(), { padding: [28, 28], maxZoom: 18, animate: false });
    };

    const put = ({ lon, lat, accuracy_m: accuracy }, go) => {
      here.setLatLng([lat, lon]);
      group.addLayer(here);
      if (accuracy > 20) { around.setLatLng([lat, lon]).setRadius(accuracy); group.addLayer(around); } else group.removeLayer(around);
      if (go) map.setView([lat, lon], Math.max(map.getZoom(), 17), { animate: false });
    };
    map.on("click", (event) => {
      const detail = { lon: Number(event.latlng.wrap().lng.toFixed(7)), lat: Number(event.latlng.lat.toFixed(7)) };
      put(detail, false);
      linli.tell("tap", detail);
    });
    linli.hear("position", (detail) => { if (detail) put(detail, true); else { group.removeLayer(here); group.removeLayer(around); } });
    linli.hear("mine", (found) => {
      mine.clearLayers();
      mine.addData(found);
      if (mine.getLayers().length) map.fitBounds(mine.getBounds(), { padding: [16, 16], animate: false });
    });
    linli.hear("show", ({ feature }) => {
      grid.clearLayers();
      if (!feature || !feature.geometry) return;
      grid.addData(feature);
      map.fitBounds(grid.getBounds(), { padding: [16, 16], animate: false });
    });
    linli.hear("grid", (feature) => { grid.clearLayers(); if (feature && feature.geometry) grid.addData(feature); });
    linli.hear("round", drawRound);
    linli.hear("stations", (found) => {
      stations.clearLayers();
      for (const feature of (found && found.features) || []) if (feature.geometry) stations.addLayer(linli.stationMarker(feature, settings));
    });
    return group;
  };
})();
