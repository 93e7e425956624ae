// A base map from outside, fetched and checked by our own server. One that is shifted (GCJ-02) is put back tile by tile.
"use strict";
(() => {
  const A_M = 6378245;
  const E2 = 0.00669342162296594323;
  const CHINA = [[72.004, 137.8347], [0.8293, 55.8271]];
  const { PI, sin, cos, sqrt, abs } = Math;

  // The shift from WGS 84 to GCJ-02 in degrees: the same series as in gis/crs.py, against which it is tested.
  function shift(lon, lat) {
    if (lon < CHINA[0][0] || lon > CHINA[0][1] || lat < CHINA[1][0] || lat > CHINA[1][1]) return [0, 0];
    const [x, y] = [lon - 105, lat - 35];
    const root = sqrt(abs(x));
    const waves = 20 * sin(6 * PI * x) + 20 * sin(2 * PI * x);
    const slow = (v, long, longer) => ((20 * sin(PI * v) + 40 * sin((PI * v) / 3) + long * sin((PI * v) / 12) + longer * sin((PI * v) / 30)) * 2) / 3;
    const east_m = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + (waves * 2) / 3 + slow(x, 150, 300);
    const north_m = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + (waves * 2) / 3 + slow(y, 160, 320);
    const phi = (lat * PI) / 180;
    const w2 = 1 - E2 * sin(phi) ** 2;
    const degrees = 180 / PI;
    return [(east_m / ((A_M / sqrt(w2)) * cos(phi))) * degrees, (north_m / ((A_M * (1 - E2)) / (w2 * sqrt(w2)))) * degrees];
  }

  /** Return GCJ-02 of a position in WGS 84, [lon, lat] in degrees. */
  linli.toGcj02 = ([lon, lat]) => { const [east, north] = shift(lon, lat); return [lon + east, lat + north]; };

  /** Return WGS 84 of a position in GCJ-02: the inverse by fixed-point steps, to far less than a millimetre. */
  linli.fromGcj02 = ([lon, lat]) => {
    let at = [lon, lat];
    for (let step = 0; step < 8; step += 1) { const [east, north] = shift(...at); at = [lon - east, lat - north]; }
    return at;
  };

  const moved = (map, pixel, zoom, move) => {
    const { lng, lat } = map.unproject(pixel, zoom);
    const [lon, north] = move([lng, lat]);
    return map.project([north, lon], zoom);
  };

  // Tiles drawn in GCJ-02, each put where its two corners are on the ground; within a tile the shift changes by less than a pixel.
  const Shifted = L.TileLayer.extend({
    initialize(...given) {
      L.TileLayer.prototype.initialize.apply(this, given);
      this.on("tileloadstart", ({ tile, coords }) => {
        const size = this._corner(coords.add([1, 1]), coords.z).subtract(this._corner(coords, coords.z));
        tile.style.width = `${size.x}px`;
        tile.style.height = `${size.y}px`;
      });
    },

    /** Return the pixel of the map at which a tile's upper left corner lies; neighbours share it, so that there is no seam. */
    _corner(coords, zoom) { return moved(this._map, coords.scaleBy(this.getTileSize()), zoom, linli.fromGcj02)._round(); },

    _getTilePos(coords) { return this._corner(coords, coords.z).subtract(this._level.origin); },

    _pxBoundsToTileRange(bounds) {
      const tile = (pixel) => moved(this._map, pixel, this._tileZoom, linli.toGcj02).unscaleBy(this.getTileSize());
      return new L.Bounds(tile(bounds.min).floor(), tile(bounds.max).ceil().subtract([1, 1]));
    },
  });

  /** Base maps from outside, one above the other. Settings: layers (how many), crs (wgs84, gcj02), attribution, max_zoom. */
  linli.outside = (map, settings) => {
    const Kind = settings.crs === "gcj02" ? Shifted : L.TileLayer;
    const whole = L.layerGroup();
    for (let i = 0; i < settings.layers; i += 1) {
      const tiles = new Kind(map.options.urls.outside_tiles.replace("{layer}", i), {
        pane: "ground", zIndex: 10 + i, maxNativeZoom: settings.max_zoom, maxZoom: 20, keepBuffer: 1,
        attribution: i ? "" : linli.el("span", { translate: "no" }, settings.attribution).innerHTML,
      });
      let failed = 0;
      tiles.on("loading", () => { failed = 0; });
      tiles.on("tileerror", () => { failed += 1; linli.notice(map, "outside", linli.t("外部底图读取失败")); });
      tiles.on("load", () => { if (!failed) linli.notice(map, "outside", ""); });
      whole.addLayer(tiles);
    }
    return whole;
  };
})();
