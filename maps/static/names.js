// Names on the map, and which stations have room for their sign: placed in one step by rank, so that none lies over another. What has its place at a
// zoom keeps it while the map is moved.
"use strict";
(() => {
  const MARGIN = 0.2; // of the view's size, placed and drawn beyond each edge
  const REPEAT = 320; // pixels from a street's name to the same name again
  const DEEPEST = 16; // zoom of the deepest tiles
  const STREETS = ["motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential"];
  const SIZES = { far: 0.42, middle: 0.68, near: 1 }; // of a station's sign, as in the style sheet
  const DOT = 5;
  const FLOATING = ".linli-panel.floating, .linli-key, .leaflet-control";

  /** Return how large stations' signs are at a zoom. */
  linli.reachOf = (zoom) => (zoom < 14 ? "far" : zoom < 16.5 ? "middle" : "near");

  linli.Names = class extends L.Layer {
    constructor(settings) {
      super();
      this.settings = settings;
      this.theme = linli.themes[settings.theme];
      // A wall sets its letters by the size of the screen (its root font size is a hundredth of it); the map follows.
      const root = parseFloat(getComputedStyle(document.documentElement).fontSize);
      this.loud = settings.theme === "dark" ? Math.max(1.2, root * 0.17) : Math.max(window.innerWidth >= 3000 ? 1.4 : 1, root / 16);
      this.kept = { zoom: null, spots: new Map(), signs: new Set() };
      this.drawn = [];
      this.widths = new Map();
    }

    onAdd(map) {
      const sources = { base: { url: linli.tiles(map, map.options.urls.base_tiles), maxDataZoom: DEEPEST } };
      if (this.settings.grids) sources.grids = { url: linli.tiles(map, map.options.urls.grid_tiles), maxDataZoom: DEEPEST };
      this.views = this.views || protomapsL.sourcesToViews({ sources });
      this.canvas = linli.el("canvas", { class: "linli-names leaflet-zoom-hide", "aria-hidden": "true" });
      map.getPane("labels").append(this.canvas);
      this.lay = linli.latest(map, "names", () => this.place());
      this.later = () => linli.onFrame(`names${L.stamp(this)}`, () => { if (this._map) this.lay(); });
      this.watched = new WeakSet();
      this.sizes = new ResizeObserver(this.later);
      this.marked = (event) => { if (event.layer instanceof L.Marker || event.layer.options.nameless) this.later(); };
      map.on("moveend resize linli:services", this.later).on("layeradd layerremove", this.marked).on("move", this.stray, this);
      this.lay();
    }

    onRemove(map) {
      this.sizes.disconnect();
      map.off("moveend resize linli:services", this.later).off("layeradd layerremove", this.marked).off("move", this.stray, this);
      this.canvas.remove();
    }

    /** Ask for the tiles again: their data has changed. */
    clearLayout() { this.kept.zoom = null; }

    rerenderTiles() { this.later(); }

    // Dragged beyond what has been drawn: place what comes into view, not only at the end.
    stray() { if (this.region && !within(this._map.getPixelBounds(), this.region)) this.later(); }

    async place() {
      const map = this._map;
      const zoom = map.getZoom();
      const level = Math.round(zoom);
      const grown = 2 ** (zoom - level);
      const region = padded(map.getPixelBounds());
      const box = { minX: region.min.x / grown, minY: region.min.y / grown, maxX: region.max.x / grown, maxY: region.max.y / grown };
      const tiles = {};
      await Promise.all([...this.views].map(async ([name, view]) => { tiles[name] = await view.getBbox(level, box); }));
      if (!this._map || map.getZoom() !== zoom) return;
      if (this.kept.zoom !== zoom) this.kept = { zoom, spots: new Map(), signs: new Set() };
      this.pen = this.canvas.getContext("2d");
      const room = new linli.Room();
      room.take(this.covered());
      room.take(this.dots());
      this.placeSigns(room);
      this.drawn = this.placeNames(room, this.namesOf(tiles, zoom, grown), region);
      this.region = region;
      this.draw();
    }

    // What floats over the map: a name under it would be half read. Where it grows or shrinks, names are placed anew.
    covered() {
      const own = this.canvas.closest(".linli-map").getBoundingClientRect();
      const { x, y } = this._map.getPixelBounds().min;
      const boxes = [];
      for (const node of this._map.view.querySelectorAll(FLOATING)) {
        if (!this.watched.has(node)) { this.watched.add(node); this.sizes.observe(node); }
        const { left, top, right, bottom } = node.getBoundingClientRect();
        const box = [left - own.left, top - own.top, right - own.left, bottom - own.top];
        if (right > left && box[0] < own.width && box[2] > 0 && box[1] < own.height && box[3] > 0) boxes.push([box[0] + x, box[1] + y, box[2] + x, box[3] + y]);
      }
      return boxes;
    }

    // Dots over the names, which say that none can be read under them.
    dots() {
      const boxes = [];
      this._map.eachLayer((layer) => {
        if (!layer.options.nameless) return;
        const { x, y } = this._map.project(layer.getLatLng());
        const by = layer.getRadius();
        boxes.push([x - by, y - by, x + by, y + by]);
      });
      return boxes;
    }

    // Signs first: they cannot stand elsewhere. Those without room become dots.
    placeSigns(room) {
      const map = this._map;
      const reach = linli.reachOf(this.kept.zoom);
      const markers = [];
      map.eachLayer((layer) => { if (layer instanceof L.Marker && layer.options.icon.options.iconSize && shown(layer)) markers.push(layer); });
      const rank = (marker) => (!marker.yields || marker.isPopupOpen() ? 0 : this.kept.signs.has(marker.facts.code) ? 1 : 2);
      const order = (marker) => (marker.yields ? marker.facts.code : "");
      markers.sort((a, b) => rank(a) - rank(b) || (order(a) < order(b) ? -1 : 1));
      const signs = new Set();
      for (const marker of markers) {
        const at = map.project(marker.getLatLng());
        const box = boxOf(marker, at, marker.facts ? SIZES[reach] : 1);
        const crowded = Boolean(marker.yields) && rank(marker) > 0 && !room.free([box]);
        room.take([crowded ? [at.x - DOT, at.y - DOT, at.x + DOT, at.y + DOT] : box]);
        marker.getElement().classList.toggle("crowded", crowded);
        if (marker.yields && !crowded) signs.add(marker.facts.code);
      }
      this.kept.signs = signs;
    }

    /** Return every name that might be shown: {key, kind, rank, name, look, spots: [{x, y, angle}]}, in order of rank. */
    namesOf(tiles, zoom, grown) {
      const found = new Map();
      const add = (one) => { if (!found.has(one.key)) found.set(one.key, one); };
      const each = (source, layer, visit) => {
        for (const tile of tiles[source] || []) {
          const at = (p) => ({ x: (p.x * tile.scale + tile.origin.x) * grown, y: (p.y * tile.scale + tile.origin.y) * grown });
          for (const feature of tile.data.get(layer) || []) visit(feature, at, tile);
        }
      };
      const text = (feature, most) => linli.tidy(feature.props.name, most);
      if (this.settings.grids && zoom >= 12.75) {
        const parts = new Map(); // code of a grid → its pieces, to see whether a place is inside
        each("grids", "grids", (feature, at, tile) => {
          const { code } = feature.props;
          parts.set(code, [...(parts.get(code) || []), { geom: feature.geom, tile }]);
        });
        each("grids", "grid_names", (feature, at) => {
          const name = text(feature, 16);
          const inside = (p) => (parts.get(feature.props.code) || []).some(({ geom, tile }) => protomapsL.pointInPolygon(
            { x: (p.x / grown - tile.origin.x) / tile.scale, y: (p.y / grown - tile.origin.y) / tile.scale }, geom));
          if (name) add({ key: `grid ${feature.props.code}`, kind: "grid", rank: 0, name, look: this.looks().grid, spots: (size) => around(at(feature.geom[0][0]), size, inside) });
        });
      }
      if (zoom >= 13.75) {
        each("base", "backdrop_names", (feature, at) => {
          const p = at(feature.geom[0][0]);
          const name = text(feature, 16);
          if (name) add({ key: `water ${name} ${Math.round(p.x)} ${Math.round(p.y)}`, kind: "water", rank: 1, name, look: this.looks().water, spots: () => [p] });
        });
      }
      if (zoom >= 14.75) each("base", "streets", (feature, at) => this.streetNames(feature, at, text(feature, 20), add));
      if (zoom >= 17.75) {
        each("base", "building_names", (feature, at) => {
          const p = at(feature.geom[0][0]);
          const name = text(feature, 12);
          if (name) add({ key: `house ${name} ${Math.round(p.x)} ${Math.round(p.y)}`, kind: "house", rank: 3, name, look: this.looks().house, spots: () => [p] });
        });
      }
      return [...found.values()].sort((a, b) => a.rank - b.rank || (b.length || 0) - (a.length || 0) || (a.key < b.key ? -1 : 1));
    }

    streetNames(feature, at, name, add) {
      if (!name || feature.geomType !== 2) return;
      const look = this.looks().street;
      const { width } = this.sizeOf(name, look);
      const rank = STREETS.indexOf(String(feature.props.kind).replace("_link", ""));
      for (const line of feature.geom) {
        const [straight] = linli.straights(line.map(at), width + 12);
        if (!straight) continue;
        const upright = Math.abs(straight.angle) > Math.PI / 2 + 0.01 ? straight.angle + Math.PI : straight.angle;
        const shift = (share) => ({ x: straight.x + Math.cos(straight.angle) * straight.length * share, y: straight.y + Math.sin(straight.angle) * straight.length * share, angle: upright });
        const room = (straight.length - width) / straight.length / 2;
        add({
          key: `street ${name} ${Math.round(straight.x)} ${Math.round(straight.y)}`, kind: "street", rank: 2 + (rank < 0 ? STREETS.length : rank) / 100,
          name, look, length: straight.length, spots: () => [0, -room * 0.5, room * 0.5, -room * 0.9, room * 0.9].map(shift),
        });
      }
    }

    placeNames(room, names, region) {
      const before = this.kept.spots;
      const placed = [];
      const streets = new Map();
      const far = (one, spot) => (streets.get(one.name) || []).every((other) => Math.hypot(other.x - spot.x, other.y - spot.y) >= REPEAT);
      const after = new Map();
      for (const one of [...names.filter(({ key }) => before.has(key)), ...names.filter(({ key }) => !before.has(key))]) {
        const size = this.sizeOf(one.name, one.look);
        const spots = one.spots(size).map((spot, i) => ({ ...spot, i }));
        const usual = before.get(one.key);
        if (usual !== undefined) spots.sort((a, b) => (b.i === usual) - (a.i === usual));
        for (const spot of spots) {
          const boxes = linli.boxesAlong(spot.x, spot.y, spot.angle || 0, size.width, size.height);
          if (!boxes.some((box) => touches(box, region)) || !room.free(boxes) || (one.kind === "street" && !far(one, spot))) continue;
          room.take(boxes);
          if (one.kind === "street") streets.set(one.name, [...(streets.get(one.name) || []), spot]);
          after.set(one.key, spot.i);
          placed.push({ key: one.key, kind: one.kind, look: one.look, lines: size.lines, spot, boxes });
          break;
        }
      }
      this.kept.spots = after;
      return placed;
    }

    looks() {
      const { theme, loud } = this;
      return {
        grid: { size: 12.5 * loud, weight: 600, fill: theme.gridText, halo: theme.gridHalo, line: 1.3, letters: 6 },
        water: { size: 12 * loud, weight: 500, fill: theme.waterText, halo: theme.halo, line: 1.3, italic: true, spacing: 2, letters: 99 },
        street: { size: 11.5 * loud, weight: 500, fill: theme.text, halo: theme.halo, line: 1.3, letters: 99 },
        house: { size: 10.5 * loud, weight: 500, fill: theme.houseText, halo: theme.halo, line: 1.3, letters: 8 },
      };
    }

    font(look) { return `${look.italic ? "italic " : ""}${look.weight} ${look.size}px ${linli.font}`; }

    /** Return width and height in pixels, with the halo, and the lines of a name. */
    sizeOf(name, look) {
      const key = `${look.size} ${look.weight} ${name}`;
      if (!this.widths.has(key)) {
        const letters = [...name];
        const half = Math.ceil(letters.length / 2);
        const space = letters.indexOf(" ", half - 4);
        const cut = space > 0 && space < half + 5 ? space : half;
        const lines = letters.length > look.letters ? [letters.slice(0, cut).join("").trim(), letters.slice(cut).join("").trim()] : [name];
        this.pen.font = this.font(look);
        this.pen.letterSpacing = `${look.spacing || 0}px`;
        const width = Math.max(...lines.map((line) => this.pen.measureText(line).width)) + 4;
        this.widths.set(key, { width, height: lines.length * look.size * look.line + 2, lines });
      }
      return this.widths.get(key);
    }

    draw() {
      const { canvas, pen, region } = this;
      canvas.hidden = !this.drawn.length; // an empty layer costs a frame as much as a full one
      const ratio = window.devicePixelRatio || 1;
      const [wide, high] = [Math.ceil(region.max.x - region.min.x), Math.ceil(region.max.y - region.min.y)];
      canvas.width = wide * ratio;
      canvas.height = high * ratio;
      canvas.style.width = `${wide}px`;
      canvas.style.height = `${high}px`;
      L.DomUtil.setPosition(canvas, region.min.subtract(this._map.getPixelOrigin()));
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.lineJoin = "round";
      for (const { look, lines, spot } of this.drawn) {
        pen.save();
        pen.translate(spot.x - region.min.x, spot.y - region.min.y);
        pen.rotate(spot.angle || 0);
        pen.font = this.font(look);
        pen.letterSpacing = `${look.spacing || 0}px`;
        pen.strokeStyle = look.halo;
        pen.lineWidth = 2.6;
        pen.fillStyle = look.fill;
        lines.forEach((line, i) => {
          const y = (i - (lines.length - 1) / 2) * look.size * look.line;
          pen.strokeText(line, (look.spacing || 0) / 2, y);
          pen.fillText(line, (look.spacing || 0) / 2, y);
        });
        pen.restore();
      }
    }

    /** Return what is drawn, for whoever must keep clear of it or check it: {key, kind, boxes} in pixels of the map's element. */
    rectangles() {
      const { x, y } = this._map.getPixelBounds().min;
      return this.drawn.map(({ key, kind, boxes }) => ({ key, kind, boxes: boxes.map(([l, t, r, b]) => [l - x, t - y, r - x, b - y]) }));
    }
  };

  const padded = ({ min, max }) => {
    const by = max.subtract(min).multiplyBy(MARGIN);
    return L.bounds(min.subtract(by).floor(), max.add(by).ceil());
  };
  const within = (inner, outer) => outer.contains(inner);
  const touches = (box, { min, max }) => box[0] < max.x && box[2] > min.x && box[1] < max.y && box[3] > min.y;
  const shown = (marker) => { const node = marker.getElement(); return node && getComputedStyle(node).display !== "none"; };

  // A sign stands on its foot: it shrinks towards it.
  function boxOf(marker, at, size) {
    const { iconSize: [wide, high], iconAnchor: [left, top] = [wide / 2, high / 2] } = marker.options.icon.options;
    return [at.x - left * size, at.y - top * size, at.x + (wide - left) * size, at.y + (high - top) * size];
  }

  // Where a grid's name may stand: in its middle, else a little away as long as that is inside.
  function around(p, { width, height }, inside) {
    const steps = [[0, 0], [0, 1.1], [0, -1.1], [0, 2.2], [0, -2.2], [0.6, 0], [-0.6, 0], [0.6, 1.1], [-0.6, 1.1], [0.6, -1.1], [-0.6, -1.1], [0, 3.3], [0, -3.3], [1.1, 0], [-1.1, 0]];
    const spots = steps.map(([x, y]) => ({ x: p.x + x * width, y: p.y + y * height }));
    return spots.filter((spot, i) => i === 0 || inside(spot));
  }

  /** Names of grids, water, streets and buildings over everything that is shaded. */
  linli.labels = (map, settings) => {
    const names = new linli.Names(settings);
    linli.followTiles(names);
    map.names = names;
    return names;
  };
})();
