// What the map shows, to take away: on paper or as a file, with the filters chosen. The server makes both.
"use strict";
(() => {
  const FILES = [
    ["print", "pdf", linli.t("打印 A3（PDF）")],
    ["print", "png", linli.t("打印 A3（PNG）")],
    ["export", "xlsx", linli.t("导出 Excel")],
    ["export", "csv", linli.t("导出 CSV")],
    ["export", "gpkg", linli.t("导出 GeoPackage")],
    ["export", "geojson", linli.t("导出 GeoJSON")],
  ];
  // What each map shows, in the words of the server's queries.
  const SHOWN = {
    grids: (map) => {
      const value = (name) => map.view.querySelector(`[data-${name}]`).value;
      return { ...linli.measureAsked(map.view), ...Object.fromEntries(["scheme", "k", "palette"].map((name) => [name, value(name)])) };
    },
    needs: (map) => map.needs.shown(),
    coverage: (map) => map.coverage.shown(),
    comparison: (map) => map.comparison.shown(),
  };

  // The name that the server gives the file, in the language that it has.
  function named(answer, otherwise) {
    const found = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get("Content-Disposition") || "");
    return found ? decodeURIComponent(found[1]) : otherwise;
  }

  /** Save what an address answers as a file. */
  async function save(map, address, name, signal) {
    const answer = await fetch(address, { credentials: "same-origin", signal });
    if (answer.status === 401) linli.signIn(map);
    if (!answer.ok) {
      let said = null;
      try { said = (await answer.json()).detail; } catch { /* no words: said below */ }
      throw new Error(said ? linli.half(said) : linli.word("load.failed", true));
    }
    const link = linli.el("a", { href: URL.createObjectURL(await answer.blob()), download: named(answer, name) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  /** A control that prints the map and exports its figures. Settings: map (grids, needs, coverage, comparison). */
  linli.takeAway = (map, settings) => {
    const box = linli.el("details", { class: "linli-take linli-drop leaflet-bar" }, linli.el("summary", {}, linli.t("打印与导出")));
    const load = linli.latest(map, "take", async (signal, kind, form) => {
      const edges = map.getBounds();
      const view = [edges.getWest(), edges.getSouth(), edges.getEast(), edges.getNorth()].map((each) => each.toFixed(6)).join(",");
      const address = linli.url(map.options.urls[kind === "print" ? "print" : "exported"], {
        ...SHOWN[settings.map](map), map: settings.map, form, ...(kind === "print" && box.querySelector("[data-view]").checked ? { bbox: view } : {}),
      });
      box.setAttribute("aria-busy", "true");
      try { await save(map, address, `${settings.map}.${form}`, signal); } finally { box.removeAttribute("aria-busy"); }
      box.open = false;
    });
    const inner = linli.el("div", { class: "inside" });
    for (const [kind, form, words] of FILES) {
      const button = linli.el("button", { type: "button", "data-take": `${kind}.${form}` }, words);
      button.addEventListener("click", () => load(kind, form));
      inner.append(button);
      if (form === "png") {
        inner.append(linli.el("label", {}, linli.el("input", { type: "checkbox", "data-view": true }), linli.el("span", {}, linli.t("只印当前视野"))));
      }
    }
    inner.append(linli.el("p", {}, linli.t("汇总数据，仅供工作使用")));
    box.append(inner);
    box.addEventListener("keydown", (event) => { if (event.key === "Escape") { box.open = false; box.firstChild.focus(); } });
    L.DomEvent.disableClickPropagation(box);
    L.DomEvent.disableScrollPropagation(box);
    const control = L.control({ position: "topright" });
    control.onAdd = () => box;
    return control.addTo(map);
  };
})();
