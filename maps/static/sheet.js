// One canvas for all that is drawn from tiles and cells: a frame of a drag then moves one picture, however many tiles there are. Without a graphics
// card, putting dozens of canvases together costs several times what everything else on the map does.
"use strict";
(() => {
  const MARGIN_PX = 256; // drawn beyond each edge of the view
  const PANES = ["ground", "shades"]; // of tiles, from the lowest to the highest

  class Sheet {
    constructor(map) {
      this.map = map;
      this.layers = new Set(); // of tiles, in the order in which they were put on the map
      this.pictures = new Set(); // over the tiles, by rank: {rank, canvas, zoom, bounds}, bounds in pixels of the world at that zoom
      this.canvas = linli.el("canvas", { class: "linli-sheet leaflet-zoom-animated", "aria-hidden": "true" });
      map.getPane("sheet").append(this.canvas);
      map.on("moveend zoom viewreset resize", this.later, this).on("move", this.stray, this).on("zoomanim", this.grow, this);
    }

    /** Draw a layer of tiles from now on, whenever it is on the map. */
    follow(layer) {
      const render = layer.renderTile;
      layer.renderTile = async (...given) => { await render.apply(layer, given); this.later(); };
      layer.on("add", () => { layer.getContainer().hidden = true; this.layers.add(layer); this.later(); });
      layer.on("remove", () => { this.layers.delete(layer); this.later(); });
      layer.on("tileunload", this.later, this);
    }

    /** Draw a picture, or draw it again. */
    put(picture) { this.pictures.add(picture); this.later(); }

    take(picture) { this.pictures.delete(picture); this.later(); }

    later() { linli.onFrame(`sheet${L.stamp(this)}`, () => { if (!this.map._animatingZoom) this.draw(); }); }

    stray() { if (this.region && !this.region.contains(this.map.getPixelBounds())) this.later(); }

    // While the map glides to another zoom the picture glides along; it is drawn anew when it has arrived.
    grow({ center, zoom }) {
      if (!this.region) return;
      const corner = this.region.min.multiplyBy(this.map.getZoomScale(zoom, this.zoom));
      L.DomUtil.setTransform(this.canvas, corner.subtract(this.map._getNewPixelOrigin(center, zoom)), this.map.getZoomScale(zoom, this.zoom));
    }

    draw() {
      const { map, canvas } = this;
      const ratio = window.devicePixelRatio || 1;
      const { min, max } = map.getPixelBounds();
      this.zoom = map.getZoom();
      this.region = L.bounds(min.subtract([MARGIN_PX, MARGIN_PX]), max.add([MARGIN_PX, MARGIN_PX]));
      const drawn = [...this.tiles(), ...[...this.pictures].sort((a, b) => a.rank - b.rank)];
      canvas.hidden = !drawn.length;
      const size = this.region.getSize();
      const [wide, high] = [Math.round(size.x * ratio), Math.round(size.y * ratio)];
      const pen = canvas.getContext("2d");
      if (canvas.width !== wide || canvas.height !== high) {
        canvas.width = wide;
        canvas.height = high;
        canvas.style.width = `${size.x}px`;
        canvas.style.height = `${size.y}px`;
      } else pen.clearRect(0, 0, wide, high);
      L.DomUtil.setTransform(canvas, this.region.min.subtract(map.getPixelOrigin()), 1);
      for (const one of drawn) {
        // Edges on whole pixels of the screen: neighbouring tiles share them, so that no seam shows between two zooms.
        const scale = map.getZoomScale(this.zoom, one.zoom);
        const [from, to] = [one.bounds.min, one.bounds.max].map((at) => at.multiplyBy(scale).subtract(this.region.min).multiplyBy(ratio).round());
        if (to.x > 0 && to.y > 0 && from.x < wide && from.y < high) pen.drawImage(one.canvas, from.x, from.y, to.x - from.x, to.y - from.y);
      }
    }

    /** Return the tiles that have been drawn, as pictures, from the lowest to the highest. */
    tiles() {
      const found = [];
      for (const layer of [...this.layers].sort((a, b) => PANES.indexOf(a.options.pane) - PANES.indexOf(b.options.pane))) {
        const size = layer.getTileSize();
        const away = (picture) => Math.abs(picture.zoom - layer._tileZoom);
        const own = Object.values(layer._tiles).filter(({ el, loaded }) => loaded && el.width).map(({ el, coords }) => ({
          canvas: el, zoom: coords.z, bounds: L.bounds(coords.scaleBy(size), coords.add([1, 1]).scaleBy(size)),
        }));
        found.push(...own.sort((a, b) => away(b) - away(a))); // what is left of another zoom lies beneath
      }
      return found;
    }
  }

  const sheets = new WeakMap();
  /** Return the sheet of a map. */
  linli.sheet = (map) => {
    if (!sheets.has(map)) sheets.set(map, new Sheet(map));
    return sheets.get(map);
  };
})();
