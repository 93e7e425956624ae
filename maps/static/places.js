// Layers of facts about places in view: renovation of compounds, street units, merchants, things. Only those in view are fetched, and not without end.
"use strict";
(() => {
  const MOST = 1500;
  const COLOURS = { street_units: "#6a4c93", merchants: "#b25d0e", things: "#1f5f99", not_started: "#77808a", started: "#c77d00", finished: "#2a7f46" };

  const SIGNS = { // what the key says of each layer: colour, words, whether it is an area
    renovation: [
      ["not_started", linli.t("小区改造：未开工"), true], ["started", linli.t("小区改造：已开工"), true],
      ["finished", linli.t("小区改造：已完工"), true],
    ],
    street_units: [["street_units", linli.t("街区"), true]],
    merchants: [["merchants", linli.t("商户"), false]],
    things: [["things", linli.t("事物设施"), false]],
  };

  /** Show the signs of the layers that are on below the legend. */
  function key(map, name, on) {
    const list = map.view.querySelector("[data-layer-key]");
    if (!list) return;
    map.keyed = map.keyed || new Set();
    if (on) map.keyed.add(name); else map.keyed.delete(name);
    const lines = Object.keys(SIGNS).filter((one) => map.keyed.has(one)).flatMap((one) => SIGNS[one]);
    list.replaceChildren(...lines.map(([colour, words, area]) => {
      const sign = linli.el("span", { class: area ? "sign area" : "sign", "aria-hidden": "true" });
      sign.style.color = COLOURS[colour];
      return linli.el("li", {}, sign, words);
    }));
    list.hidden = !lines.length;
  }

  /** The layer `settings.layer`; `settings.least` is the zoom from which it is drawn. */
  linli.places = (map, settings) => {
    const name = settings.layer;
    const colour = (facts) => COLOURS[facts.state] && name === "renovation" ? COLOURS[facts.state] : COLOURS[name];
    const row = (text) => (text ? linli.el("p", {}, linli.tidy(String(text), 200)) : null);
    const card = (facts) => linli.el("div", { class: "linli-card" },
      linli.el("h3", {}, linli.tidy(facts.name || facts.kind || facts.code, 200)),
      ...[facts.name && facts.kind, facts.label || facts.state, facts.street, [facts.started_on, facts.finished_on].filter(Boolean).join(" – ")].map(row).filter(Boolean));
    const group = L.geoJSON(null, {
      pane: "points", bubblingMouseEvents: false, filter: (feature) => Boolean(feature.geometry),
      style: (feature) => ({ color: colour(feature.properties), weight: 2, fillColor: colour(feature.properties), fillOpacity: 0.22, className: `linli-place ${name}` }),
      pointToLayer: (feature, position) => L.circleMarker(position, { pane: "points", radius: 6, fillOpacity: 0.75 }),
      onEachFeature: (feature, drawn) => {
        const facts = feature.properties;
        drawn.called = linli.tidy([facts.name, facts.kind, facts.label].filter(Boolean).join(" · "), 60);
        drawn.bindTooltip(() => linli.el("span", {}, drawn.called), { className: "linli-tip", sticky: true });
        drawn.bindPopup(() => card(facts), { className: "linli-popup", maxWidth: 320 });
      },
    });
    const load = linli.latest(map, `places-${name}`, async (signal) => {
      if (map.getZoom() < settings.least) {
        group.clearLayers();
        linli.notice(map, `places-many-${name}`, linli.word("places.near"));
        return;
      }
      const wide = map.getBounds().pad(0.2);
      const bbox = linli.boxOf(wide);
      const path = map.options.urls.layer.replace("{layer}", name);
      const found = await linli.getAll(map, path, { bbox, limit: MOST }, MOST, signal);
      if (group.getLayers().some((drawn) => drawn.isPopupOpen())) return; // somebody reads; the next move fetches again
      group.clearLayers().addData(found.features);
      linli.notice(map, `places-many-${name}`, found.more ? linli.word("places.many") : "");
    });
    group.on("add", () => { map.on("moveend", load); load(); key(map, name, true); });
    group.on("remove", () => { map.off("moveend", load); linli.notice(map, `places-many-${name}`, ""); key(map, name, false); });
    const afresh = () => { if (map.hasLayer(group)) load(); };
    linli.hear("refresh", afresh);
    linli.hear("imported", afresh);
    return group;
  };
})();
