// A view that can be passed on: what is chosen on a map stands in the page's address and is restored from it. Nothing of people is ever chosen on a map.
"use strict";
(() => {
  const SETTLE_MS = 250;
  const opened = new URLSearchParams(location.search); // as the page was opened
  const controls = new Map(); // name → {get, set, usual}
  const apart = new Map(); // the same, of what stands in the fragment
  const FRAGMENT = /^#[a-z]+=/;
  let waiting = null;

  function write() {
    const query = new URLSearchParams(location.search);
    for (const [name, { get, usual }] of controls) {
      const value = get();
      if (value === null || value === undefined || value === "" || value === usual) query.delete(name);
      else query.set(name, value);
    }
    // Commas and colons may stand in a query as they are (RFC 3986, 3.4), and are read more easily so.
    const tail = query.toString().replace(/%2C/g, ",").replace(/%3A/g, ":");
    const address = location.pathname + (tail ? `?${tail}` : "") + fragment();
    if (address !== location.pathname + location.search + location.hash) history.replaceState(history.state, "", address);
    document.dispatchEvent(new CustomEvent("linli:address"));
  }
  function fragment() {
    const said = [...apart].map(([name, { get }]) => [name, get()]).filter(([, value]) => value).map(([name, value]) => `${name}=${value}`);
    if (said.length) return `#${said.join("&")}`;
    return FRAGMENT.test(location.hash) ? "" : location.hash;
  }
  const later = () => { clearTimeout(waiting); waiting = setTimeout(write, SETTLE_MS); };

  /**
   * Keep some of a map's choices in the address: name → {get, set}, both of texts; null is nothing worth telling. What the address that the page was
   * opened with says is set at once; so share before the first load. What is as it was at the beginning is left out of the address.
   */
  linli.share = (map, named) => {
    if (!map.shared) {
      map.shared = true;
      map.on("moveend layeradd layerremove linli:settled", later);
      for (const event of ["change", "input", "click"]) map.view.addEventListener(event, later);
      linli.hear("grid", later);
      linli.hear("show-grid", later);
    }
    for (const [name, { get, set }] of Object.entries(named)) {
      controls.set(name, { get, usual: get() });
      const wanted = opened.get(name);
      if (wanted !== null) set(wanted);
    }
  };

  /** Keep something in the address's fragment, which browsers keep to themselves; its text is of letters, digits, - and _. */
  linli.shareApart = (name, { get, set }) => {
    apart.set(name, { get });
    const wanted = new URLSearchParams(location.hash.slice(1)).get(name);
    if (wanted) set(wanted);
  };

  const BASE64 = { "+": "-", "/": "_", "=": "" };
  /** Return a value as text for a fragment (base64url of its JSON). */
  linli.packed = (value) => btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value)))).replace(/[+/=]/g, (sign) => BASE64[sign]);

  /** Return the value of a text of `linli.packed`; null where it is none. */
  linli.unpacked = (text) => {
    try {
      const bytes = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
      return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (sign) => sign.charCodeAt(0))));
    } catch { return null; }
  };

  /** Return how a select, a number or a slider is shared; an unknown choice is passed over. */
  linli.sharedField = (field) => ({
    get: () => field.value,
    set: (value) => {
      const before = field.value;
      field.value = value;
      if (field.value !== value) field.value = before;
    },
  });

  /** Return how radio buttons or check boxes are shared: the values of those checked. */
  linli.sharedChoice = (root, selector) => {
    const all = () => [...root.querySelectorAll(selector)];
    return {
      get: () => all().filter((box) => box.checked).map((box) => box.value || "all").join(",") || "none",
      set: (value) => {
        const wanted = value.split(",");
        if (value !== "none" && !all().some((box) => wanted.includes(box.value || "all"))) return;
        for (const box of all()) box.checked = wanted.includes(box.value || "all");
      },
    };
  };

  /** Share where the map is, and which of its layers are on. */
  linli.shareView = (map) => {
    const said = () => { if (!map._loaded) return ""; const { lat, lng } = map.getCenter(); return `${lat.toFixed(5)},${lng.toFixed(5)},${map.getZoom()}`; };
    let home = said();
    map.isHome = () => said() === home;
    map.setHome = () => { home = said(); };
    const view = {
      get: () => (map.isHome() ? null : said()),
      set: (value) => {
        const [lat, lng, zoom] = value.split(",").map(Number);
        if (Math.abs(lat) <= 85 && Math.abs(lng) <= 180 && zoom >= map.getMinZoom() && zoom <= map.getMaxZoom()) {
          map.setView([lat, lng], zoom, { animate: false });
        }
      },
    };
    linli.share(map, { view });
    // The layers are made after the map, by the same script.
    setTimeout(() => linli.share(map, {
      on: {
        get: () => [...(map.named || [])].filter(([, layer]) => map.hasLayer(layer)).map(([name]) => name).sort().join(",") || "none",
        set: (value) => {
          const wanted = value.split(",");
          for (const [name, layer] of map.named || []) if (wanted.includes(name) !== map.hasLayer(layer)) map[wanted.includes(name) ? "addLayer" : "removeLayer"](layer);
        },
      },
    }), 0);
    copyButton(map);
  };

  /** Know a layer by name, so that it can be shared. */
  linli.named = (map, name, layer) => {
    if (name) { map.named = map.named || new Map(); map.named.set(name, layer); }
    return layer;
  };

  async function copy(text) {
    if (navigator.clipboard && window.isSecureContext) {
      try { await navigator.clipboard.writeText(text); return true; } catch { /* not allowed: as below */ }
    }
    // Without TLS browsers have no clipboard for scripts but this one.
    const field = linli.el("textarea", { readonly: true, class: "linli-copied", "aria-hidden": "true" });
    field.value = text;
    document.body.append(field);
    field.select();
    let done = false;
    try { done = document.execCommand("copy"); } catch { /* shown instead */ }
    field.remove();
    return done;
  }

  function copyButton(map) {
    const button = linli.el("button", { type: "button", class: "linli-copy leaflet-bar", "data-copy-link": true }, linli.t("复制链接"));
    let back = null;
    button.addEventListener("click", async () => {
      clearTimeout(waiting);
      write();
      const done = await copy(location.href);
      button.replaceChildren(done ? linli.t("已复制") : linli.t("请从地址栏复制"));
      clearTimeout(back);
      back = setTimeout(() => button.replaceChildren(linli.t("复制链接")), 2500);
    });
    button.setAttribute("aria-live", "polite");
    const Copy = L.Control.extend({ onAdd: () => { L.DomEvent.disableClickPropagation(button); return button; } });
    setTimeout(() => new Copy({ position: "topright" }).addTo(map), 0);
  }
})();
