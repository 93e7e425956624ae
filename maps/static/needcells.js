// Cells of needs on the map: squares as the page says each looks, and the one under the pointer told.
"use strict";
(() => {
  // Leaflet's canvas, able to fill with a pattern as well, and shown by the map's sheet, over the heat.
  const Patterned = L.Canvas.extend({
    onAdd(map) {
      this.picture = { rank: 1 };
      L.Canvas.prototype.onAdd.call(this, map);
      this._container.hidden = true;
    },

    onRemove(map) {
      linli.sheet(map).take(this.picture);
      L.Canvas.prototype.onRemove.call(this, map);
    },

    _update() {
      L.Canvas.prototype._update.call(this);
      const origin = this._map.getPixelOrigin();
      Object.assign(this.picture, { canvas: this._container, zoom: this._zoom, bounds: L.bounds(this._bounds.min.add(origin), this._bounds.max.add(origin)) });
    },

    _draw() {
      L.Canvas.prototype._draw.call(this);
      if (this._map) linli.sheet(this._map).put(this.picture);
    },

    _fillStroke(pen, shape) {
      if (!shape.options.pattern) { L.Canvas.prototype._fillStroke.call(this, pen, shape); return; }
      pen.globalAlpha = 0.9;
      pen.fillStyle = pen.createPattern(linli.pattern(shape.options.pattern, false), "repeat");
      pen.fill("evenodd");
      pen.globalAlpha = shape.options.opacity;
      pen.strokeStyle = shape.options.color;
      pen.lineWidth = shape.options.weight;
      pen.stroke();
    },
  });

  const ZERO = { color: "#9aa5a3", weight: 0.6, opacity: 0.55, fill: true, fillColor: "#ffffff", fillOpacity: 0.25 };
  const PATTERNED = { color: "#7c8685", weight: 0.8, opacity: 0.8, fill: true };

  function styleOf(look) {
    if (look.pattern) return { ...PATTERNED, pattern: look.pattern };
    if (look.zero) return ZERO;
    return { color: "#ffffff", weight: 0.6, opacity: 0.8, fill: true, fillColor: look.fill, fillOpacity: 0.8 };
  }

  /** Make the layer of cells; `look(facts)` says how one is shown ({fill}, {pattern} or {zero}), `tip(facts)` what is told of it. */
  linli.needCells = (map, { look, tip }) => {
    const squares = L.geoJSON(null, {
      pane: "sheet", renderer: new Patterned({ pane: "sheet", padding: 0.3 }), interactive: false, style: (feature) => styleOf(look(feature.properties)),
    });
    let told = [];
    const bubble = L.tooltip({ className: "linli-tip", direction: "top", offset: [0, -8], opacity: 1 });
    map.on("mousemove", (event) => linli.onFrame("cell", () => {
      const { lng, lat } = event.latlng;
      const hit = map.dragging.moving() ? null : told.find((feature) => inside(lng, lat, feature.geometry.coordinates[0]));
      if (!hit) { bubble.remove(); return; }
      bubble.setLatLng(event.latlng).setContent(tip(hit.properties));
      if (!map.hasLayer(bubble)) bubble.addTo(map);
    }));
    map.on("mouseout zoomstart", () => bubble.remove());
    /** Draw some cells, and tell of these and perhaps of more. */
    squares.show = (drawn, all = drawn) => {
      told = all;
      bubble.remove();
      squares.clearLayers();
      squares.addData({ type: "FeatureCollection", features: drawn });
    };
    return squares;
  };

  /** Return the cells of an answer in arrays (`form=columns`) as GeoJSON features. */
  linli.needFeatures = ({ lattice, column, row, count, households }) => {
    const { every, lon, lat } = lattice;
    // A corner lies between four nodes of the lattice, bilinear.
    const corner = (c, r) => {
      const [j, i] = [Math.min(Math.floor(c / every), lon[0].length - 2), Math.min(Math.floor(r / every), lon.length - 2)];
      const [x, y] = [c / every - j, r / every - i];
      const between = (of) => (of[i][j] * (1 - x) + of[i][j + 1] * x) * (1 - y) + (of[i + 1][j] * (1 - x) + of[i + 1][j + 1] * x) * y;
      return [between(lon), between(lat)];
    };
    let [c, r] = [0, 0];
    return count.map((n, at) => {
      c += column[at];
      r += row[at];
      const homes = households[at];
      const rate = n === null || !homes ? null : Math.round((n / homes) * 10000) / 100;
      const ring = [corner(c, r), corner(c + 1, r), corner(c + 1, r + 1), corner(c, r + 1), corner(c, r)];
      return { type: "Feature", geometry: { type: "Polygon", coordinates: [ring] }, properties: { count: n, households: homes, rate, suppressed: n === null } };
    });
  };

  const middle = (feature) => {
    const ring = feature.geometry.coordinates[0];
    return { lon: (ring[0][0] + ring[2][0]) / 2, lat: (ring[0][1] + ring[2][1]) / 2 };
  };

  /** Return the middles of the cells that have needs, with their number as `weight`. */
  linli.needWeights = (features) => features.filter((f) => f.properties.count > 0).map((f) => ({ ...middle(f), weight: f.properties.count }));

  function inside(lon, lat, ring) {
    let odd = false;
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
      const [[x, y], [u, v]] = [ring[i], ring[j]];
      if (y > lat !== v > lat && lon < ((u - x) * (lat - y)) / (v - y) + x) odd = !odd;
    }
    return odd;
  }
})();
