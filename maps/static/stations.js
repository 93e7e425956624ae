// Stations: a sign by kind, and a card with services and hours. Only those in view are fetched, and not without end.
"use strict";
(() => {
  const MOST = 800;
  /** Return the card of a station. */
  linli.stationCard = (facts, settings) => {
    const offers = facts.services || [];
    const kind = settings.kinds[facts.kind] || facts.kind;
    return linli.el("div", { class: "linli-card" },
      linli.el("h3", {}, linli.tidy(facts.name, 300)),
      linli.el("p", { class: "kind" }, kind || ""),
      offers.length
        ? linli.el("ul", {}, ...offers.map((offer) => linli.el("li", {},
          linli.el("b", {}, settings.services[offer.kind] || offer.kind),
          linli.el("span", {}, linli.hours(offer.hours)),
          offer.capacity ? linli.el("span", { class: "places" }, linli.tn("可容纳 {n} 人", offer.capacity)) : null)))
        : linli.el("p", { class: "none" }, linli.word("no.services")),
      facts.capacity ? linli.el("p", { class: "places" }, linli.tn("可容纳 {n} 人", facts.capacity)) : null);
  };

  /** Return a marker for a station's Feature. */
  linli.stationMarker = (feature, settings) => {
    const facts = feature.properties;
    const [lon, lat] = feature.geometry.coordinates;
    const sign = linli.signOf(facts.kind, (facts.services || []).map((offer) => offer.kind));
    const icon = L.divIcon({ className: "linli-station", html: linli.badge(sign), iconSize: [30, 36], iconAnchor: [15, 36], popupAnchor: [0, -32] });
    const marker = L.marker([lat, lon], { icon, keyboard: true, riseOnHover: true });
    const name = linli.tidy(facts.name, 60);
    marker.on("add", () => { const node = marker.getElement(); node.setAttribute("aria-label", name); node.setAttribute("role", "button"); node.style.color = sign.colour; });
    marker.bindTooltip(() => linli.el("span", {}, name), { className: "linli-tip", direction: "top", offset: [0, -34] });
    marker.bindPopup(() => linli.stationCard(facts, settings), { className: "linli-popup", maxWidth: 320, minWidth: 260, autoPanPaddingTopLeft: settings.clear || [12, 12] });
    marker.facts = facts;
    return marker;
  };

  /** Let a sign become a dot where there is no room for it (names.js). */
  const yielding = (marker) => Object.assign(marker, { yields: true });

  /** The layer of stations in view. */
  linli.stations = (map, settings) => {
    const group = L.featureGroup();
    let wanted = map.services || []; // services of interest; stations without any of them step back
    let seen = null;
    let whole = false;
    const load = linli.latest(map, "stations", async (signal) => {
      const bounds = map.getBounds();
      if (whole && seen && seen.contains(bounds)) return;
      const wide = bounds.pad(0.5);
      const bbox = linli.boxOf(wide);
      const found = await linli.getAll(map, map.options.urls.stations, { bbox, limit: MOST }, MOST, signal);
      seen = wide;
      whole = !found.more;
      const open = new Set();
      group.eachLayer((marker) => { if (marker.isPopupOpen()) open.add(marker.facts.code); });
      const kept = new Map();
      group.eachLayer((marker) => kept.set(marker.facts.code, marker));
      const there = new Set(found.features.map((feature) => feature.properties.code));
      for (const [code, marker] of kept) if (!there.has(code) && !open.has(code)) group.removeLayer(marker);
      for (const feature of found.features) if (!kept.has(feature.properties.code)) group.addLayer(yielding(linli.stationMarker(feature, settings)));
      linli.notice(map, "stations-many", whole ? "" : linli.word("stations.many"));
    });
    const mind = () => {
      map.getContainer().dataset.reach = linli.reachOf(map.getZoom());
    };
    const again = () => { mind(); load(); };
    const dim = (marker) => {
      const node = marker.getElement();
      const idle = wanted.length && !(marker.facts.services || []).some((offer) => wanted.includes(offer.kind));
      if (node) node.classList.toggle("idle", Boolean(idle));
    };
    map.on("linli:services", (event) => { wanted = event.services; group.eachLayer(dim); });
    group.on("layeradd", (event) => dim(event.layer));
    group.on("add", () => { map.on("moveend", again); again(); });
    group.on("remove", () => { map.off("moveend", again); linli.notice(map, "stations-many", ""); });
    const afresh = () => { seen = null; group.clearLayers(); if (map.hasLayer(group)) load(); };
    linli.hear("refresh", afresh);
    linli.hear("imported", afresh);
    return group;
  };
})();
