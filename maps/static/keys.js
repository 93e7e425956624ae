// Maps for those who use keys or have them read out: what can be reached and what it is called, nothing reached lies under a panel, and a card that was
// opened by a key is read and gives the way back.
"use strict";
(() => {
  const FLOATING = ".linli-panel.floating, .linli-key, .leaflet-control";
  const byKeys = () => document.activeElement.matches(":focus-visible");

  /** Mind the keys on a map; `settings.controls` tells whether it has any. */
  linli.keys = (map, settings) => {
    map.on("layeradd", ({ layer }) => {
      if (layer instanceof L.Path && layer.getElement && layer.getElement()) reach(map, layer);
      if (layer instanceof L.Marker && layer.getElement()) keepSeen(map, layer, layer.getElement());
    });
    map.on("popupopen", ({ popup }) => read(map, popup));
    map.getContainer().addEventListener("keydown", (event) => { if (event.key === "Escape") map.closePopup(); });
    if (settings.controls !== false) map.getContainer().before(skip(map));
  };

  // A shape with a card is a button; any other would be a stop without a name, and what it shows is told elsewhere (Chromium stops at whatever listens).
  function reach(map, shape) {
    const node = shape.getElement();
    node.setAttribute("tabindex", shape.getPopup() ? "0" : "-1");
    if (!shape.getPopup()) return;
    node.setAttribute("role", "button");
    node.setAttribute("aria-label", shape.called || "");
    keepSeen(map, shape, node);
  }

  // Whoever comes to a sign by keys must see it (WCAG 2.2, 2.4.11).
  function keepSeen(map, layer, node) {
    if (node.tabIndex < 0 || node.dataset.seen) return;
    node.dataset.seen = "";
    node.addEventListener("focus", () => {
      const own = node.getBoundingClientRect();
      const under = ({ left, top, right, bottom }) => left < own.right && own.left < right && top < own.bottom && own.top < bottom;
      const hidden = [...map.view.querySelectorAll(FLOATING)].some((panel) => under(panel.getBoundingClientRect()));
      if (hidden && byKeys()) map.panTo(layer.getLatLng ? layer.getLatLng() : layer.getBounds().getCenter(), { animate: false });
    });
  }

  function read(map, popup) {
    const node = popup.getElement();
    const source = popup._source;
    const heading = node.querySelector("h3");
    node.setAttribute("role", "dialog");
    node.setAttribute("aria-label", heading ? heading.textContent : linli.t("详情"));
    node.setAttribute("tabindex", "-1");
    const close = node.querySelector(".leaflet-popup-close-button");
    if (close) close.setAttribute("aria-label", linli.t("关闭"));
    if (map.getContainer().contains(document.activeElement) && byKeys()) node.focus();
    map.once("popupclose", () => {
      if (document.activeElement !== document.body && !node.contains(document.activeElement)) return; // what goes takes the focus along
      setTimeout(() => { // by then what the card has changed is drawn anew
        const drawn = source && source.getElement && source.getElement();
        const code = source && source.facts && source.facts.code;
        const back = drawn && drawn.isConnected ? drawn : code && map.getContainer().querySelector(`[data-code="${CSS.escape(code)}"]`);
        if (back) back.focus();
      }, 0);
    });
  }

  // A map may have dozens of signs to step through.
  function skip(map) {
    const button = linli.el("button", { type: "button", class: "linli-skip" }, linli.t("跳过地图上的标志"));
    button.addEventListener("click", () => {
      const next = [...map.getContainer().querySelectorAll(".leaflet-control-container :is(a[href], summary, button)")].find((node) => node.getClientRects().length);
      if (next) next.focus();
    });
    return button;
  }
})();
