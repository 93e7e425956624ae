// What every map shares: making elements from text (never from HTML), fetching, numbers, notices, the map itself.
"use strict";
(() => {
  /** Make an element; children that are strings become text, whatever they contain. */
  linli.el = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      node.setAttribute(name, value === true ? "" : String(value));
    }
    node.append(...children.filter((child) => child !== null && child !== undefined).map((child) => (child instanceof Node ? child : linli.unmarked(child))));
    return node;
  };

  /** Return a word of words.js in the page's language. */
  linli.word = (key) => linli.t(linli.words[key] || key);

  linli.percent = (part, whole) => (whole ? `${linli.number(Math.round((part / whole) * 1000) / 10)}%` : "–");

  /** Return `path` with `{name}` filled in and the other parameters as its query; arrays repeat their name. */
  linli.url = (path, parameters = {}) => {
    const query = new URLSearchParams();
    let filled = path;
    for (const [name, value] of Object.entries(parameters)) {
      if (value === null || value === undefined || value === "") continue;
      if (filled.includes(`{${name}}`)) filled = filled.replace(`{${name}}`, encodeURIComponent(value));
      else for (const one of [value].flat()) query.append(name, one);
    }
    const tail = query.toString();
    return tail ? `${filled}${filled.includes("?") ? "&" : "?"}${tail}` : filled;
  };

  let leaving = false;
  /** Go and sign in again, and come back here. */
  linli.signIn = (map) => {
    if (leaving) return;
    leaving = true;
    const back = encodeURIComponent(location.pathname + location.search);
    location.assign(`${map.options.urls.login}?next=${back}${location.hash}`); // what stands behind the # is told to no server, nor to this one
  };

  /** Fetch JSON with the session's cookie; a refusal becomes an Error with the server's own words. */
  linli.get = (map, path, parameters, signal) => ask(map, linli.url(path, parameters), { signal });

  /** Send JSON to be computed with; the header shows the server that it is a page of ours that asks. */
  linli.post = (map, path, body, signal) => ask(map, path, {
    signal, method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", "X-Requested-With": "linli" },
  });

  async function ask(map, address, { headers = {}, ...options }) {
    const answer = await fetch(address, {
      headers: { Accept: "application/json, application/geo+json, application/problem+json", ...headers }, credentials: "same-origin", ...options,
    });
    if (answer.status === 401) linli.signIn(map);
    let body = null;
    try { body = await answer.json(); } catch { /* no JSON: judged by its status */ }
    if (!answer.ok || body === null) {
      throw Object.assign(new Error(refusal(body) || linli.word("load.failed")), { faults: (body && body.errors) || [] });
    }
    return body;
  }

  function refusal(body) {
    if (!body) return "";
    const faults = (Array.isArray(body.errors) ? body.errors : []).map((fault) => fault.message);
    const said = [body.detail || body.title, ...faults.slice(0, 3).filter((text) => text !== body.detail)].filter(Boolean);
    return said.map(linli.half).join(linli.language === "zh-CN" ? "；" : "; ");
  }

  /** Fetch the features of all pages, up to `most`; `.more` tells whether there would have been more. */
  linli.getAll = async (map, path, parameters, most, signal) => {
    const features = [];
    let page = await linli.get(map, path, parameters, signal);
    for (;;) {
      features.push(...page.features);
      if (!page.next || features.length >= most) break;
      const next = new URL(page.next, location.href);
      if (next.origin !== location.origin) break;
      page = await linli.get(map, next.pathname + next.search, {}, signal);
    }
    return { features: features.slice(0, most), more: Boolean(page.next) || features.length > most };
  };

  /** Show a line over the map until it is replaced; an empty text takes it away. `key` keeps different matters apart. */
  linli.notice = (map, key, text) => {
    const shown = map.notices;
    let line = shown.querySelector(`[data-key="${key}"]`);
    if (!text) { if (line) line.remove(); return; }
    if (!line) { line = linli.el("div", { class: "linli-notice", "data-key": key }); shown.append(line); }
    line.replaceChildren(text);
  };

  /** Run the newest of several overlapping requests; older ones are cancelled and their answers dropped. */
  linli.latest = (map, key, work) => {
    let running = null;
    return async (...given) => {
      if (running) running.abort();
      const mine = new AbortController();
      running = mine;
      map.busy.add(key);
      map.view.setAttribute("aria-busy", "true");
      try {
        await work(mine.signal, ...given);
        if (running === mine) linli.notice(map, key, "");
      } catch (error) {
        if (error.name !== "AbortError" && running === mine) linli.notice(map, key, error.message);
      }
      if (running !== mine) return;
      running = null;
      map.busy.delete(key);
      if (!map.busy.size) map.view.removeAttribute("aria-busy");
      map.fire("linli:settled", { key });
    };
  };

  /** Return what asks for `work` once nobody has asked for `wait_ms`; the map is busy from the first asking. `false` takes it back. */
  linli.soon = (map, key, wait_ms, work) => {
    let waiting = null;
    const idle = () => {
      map.busy.delete(key);
      if (!map.busy.size) map.view.removeAttribute("aria-busy");
    };
    return (wanted = true) => {
      clearTimeout(waiting);
      if (!wanted) { idle(); return; }
      map.busy.add(key);
      map.view.setAttribute("aria-busy", "true");
      waiting = setTimeout(() => { work(); idle(); }, wait_ms);
    };
  };

  const frames = new Map();
  /** Call `work` at most once a frame. */
  linli.onFrame = (key, work) => {
    if (frames.has(key)) cancelAnimationFrame(frames.get(key));
    frames.set(key, requestAnimationFrame(() => { frames.delete(key); work(); }));
  };

  linli.tell = (name, detail) => document.dispatchEvent(new CustomEvent(`linli:${name}`, { detail }));
  linli.hear = (name, work) => document.addEventListener(`linli:${name}`, (event) => work(event.detail));

  /** Return bounds as the server takes a box: west, south, east, north, none of them off the globe. */
  linli.boxOf = (bounds) => [bounds.getWest(), Math.max(-90, bounds.getSouth()), bounds.getEast(), Math.min(90, bounds.getNorth())]
    .map((degrees) => Math.max(-180, Math.min(180, degrees)).toFixed(6)).join(",");

  /** Return metres on the ground to a pixel of the map (of `lat` where it is not that of the middle). */
  linli.metresPerPixel = (map, lat = map.getCenter().lat) => (40075016.686 * Math.cos((lat * Math.PI) / 180)) / 2 ** (map.getZoom() + 8);

  /** Return [south-west, north-east] of GeoJSON features, or null. */
  linli.extent = (features) => {
    const bounds = L.geoJSON({ type: "FeatureCollection", features }).getBounds();
    return bounds.isValid() ? bounds : null;
  };

  const PANES = { ground: 200, shades: 250, sheet: 260, insides: 340, changes: 345, circles: 350, outline: 360, nested: 365, points: 370, labels: 450 };

  /** Make the map in the element `id`. */
  linli.map = (id, settings) => {
    const node = document.getElementById(id);
    const map = L.map(node, {
      zoomControl: false, attributionControl: true, minZoom: 3, maxZoom: 20, center: [30, 105], zoom: 5, zoomSnap: 0.5,
      fadeAnimation: false, // a tile that fades in is a layer of its own to be put together in every frame
      urls: settings.urls, settings,
    });
    map.view = node.closest(".linli-view");
    map.busy = new Set();
    map.attributionControl.setPrefix(false);
    for (const [name, level] of Object.entries(PANES)) {
      const pane = map.createPane(name);
      pane.style.zIndex = level;
      if (!["circles", "outline", "nested", "points"].includes(name)) pane.style.pointerEvents = "none";
    }
    map.notices = linli.el("div", { class: "linli-notices", role: "status" });
    node.append(map.notices);
    if (settings.controls !== false) {
      L.control.zoom({
        position: "topright", zoomInTitle: linli.word("zoom.in"), zoomOutTitle: linli.word("zoom.out"),
      }).addTo(map);
    }
    L.control.scale({ metric: true, imperial: false, position: "bottomright", maxWidth: 140 }).addTo(map);
    linli.keys(map, settings);
    for (const key of map.view.querySelectorAll(".linli-key")) linli.foldable(key);
    setTimeout(() => foldLayers(map), 0); // the list of layers is made after the map, by the same script
    open(map, settings);
    new ResizeObserver(() => {
      const home = map.isHome && map.isHome(); // as it was opened it stays, whatever its size
      map.invalidateSize({ animate: false });
      if (home) map.setHome();
    }).observe(node);
    linli.maps = linli.maps || {};
    linli.maps[id] = map;
    return map;
  };

  const TALL = 0.25; // of the map's height: a list of layers that takes more is folded at first, and any on a map
  const NARROW = 600; // narrower than so many pixels

  /** Put the list of layers behind its name, so that what it covers can be seen. */
  function foldLayers(map) {
    const control = map.getContainer().querySelector(".leaflet-control-layers");
    if (!control) return;
    const { x, y } = map.getSize();
    const tall = control.offsetHeight > TALL * y || x < NARROW;
    const box = linli.el("details", { class: "linli-drop", open: !tall }, linli.el("summary", {}, linli.t("图层")));
    box.append(control.querySelector(".leaflet-control-layers-list"));
    control.append(box);
  }

  /** Let a legend on the map be folded to its title. */
  linli.foldable = (key) => {
    const sign = linli.el("span", { "aria-hidden": "true" });
    const button = linli.el("button", { type: "button", class: "linli-fold" }, sign);
    const set = (folded) => {
      key.toggleAttribute("data-folded", folded);
      button.setAttribute("aria-expanded", String(!folded));
      button.setAttribute("aria-label", folded ? linli.t("展开图例") : linli.t("收起图例"));
      sign.replaceChildren(folded ? "＋" : "－");
    };
    button.addEventListener("click", () => set(!key.hasAttribute("data-folded")));
    set(false);
    key.prepend(button);
  };

  function open(map, settings) {
    if (settings.bounds) {
      const [west, south, east, north] = settings.bounds;
      map.home = [[south, west], [north, east]];
      linli.home(map);
      if (settings.share) linli.shareView(map);
      return;
    }
    linli.getAll(map, settings.urls.grids, { limit: 1000 }, 5000).then(
      (found) => {
        const bounds = linli.extent(found.features);
        map.home = bounds;
        if (bounds) linli.home(map);
        if (settings.share) linli.shareView(map);
        else linli.notice(map, "open", linli.word("load.empty"));
      },
      (error) => linli.notice(map, "open", error.message),
    );
  }

  /** Show bounds beside (or, where it lies below, over) whatever panel floats on the map. */
  linli.fit = (map, bounds, most = 18) => {
    const panel = map.view.querySelector(".linli-panel.floating");
    const size = map.getSize();
    const below = panel && (panel.classList.contains("corner") || panel.offsetWidth > 0.6 * size.x);
    const left = panel && !below && size.x > 2.2 * panel.offsetWidth ? panel.offsetWidth + 24 : 8;
    const foot = below && size.y > 1.8 * panel.offsetHeight && size.x < 1.6 * size.y ? panel.offsetHeight + 20 : 8;
    map.fitBounds(bounds, { paddingTopLeft: [left, 8], paddingBottomRight: [8, foot], maxZoom: most, animate: false });
  };

  /** Show what the map opened with once more. */
  linli.home = (map) => { if (map.home) linli.fit(map, map.home); };
})();
