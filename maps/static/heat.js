// Heat whose radius means metres on the ground at every zoom.
"use strict";
(() => {
  const COARSE = 3; // least screen pixels to one sample of the heat
  const FINE = 40; // samples to a kernel's radius are enough: a wide kernel is smooth, and its cost stays the same at every zoom

  // Heat: the kernel density of the needs (quartic kernel; Silverman, Density Estimation, 1986, eq. 4.5), in needs per hectare. Each cell is a
  // weight at its middle; the kernel's radius is given in metres, so a place looks equally hot at every zoom.
  linli.Heat = class extends L.Layer {
    constructor(colours) { super(); this.colours = colours; this.points = []; this.radius_m = 300; this.top = 1; }

    onAdd(map) {
      this.canvas = linli.el("canvas", { class: "linli-heat", "aria-hidden": "true", hidden: true }); // shown by the sheet
      map.getPane("sheet").append(this.canvas);
      this.picture = { rank: 0, canvas: this.canvas };
      map.on("moveend resize", this.draw, this);
      this.draw();
    }

    onRemove(map) { map.off("moveend resize", this.draw, this); linli.sheet(map).take(this.picture); this.canvas.remove(); }

    show(points, radius_m, top) { this.points = points; this.radius_m = radius_m; this.top = top; if (this._map) this.draw(); }

    draw() {
      const map = this._map;
      const size = map.getSize();
      const reach_px = this.radius_m / linli.metresPerPixel(map);
      const coarse = Math.max(COARSE, reach_px / FINE);
      const wide = Math.ceil(size.x / coarse);
      const high = Math.ceil(size.y / coarse);
      const sums = new Float32Array(wide * high);
      for (const point of this.points) this.spread(sums, wide, high, coarse, point);
      const image = new ImageData(wide, high);
      for (let i = 0; i < sums.length; i += 1) {
        const share = Math.min(1, sums[i] / this.top);
        if (share < 0.02) continue;
        const colour = this.colours[Math.min(this.colours.length - 1, Math.floor(share * this.colours.length))];
        image.data.set([colour[0], colour[1], colour[2], Math.round(255 * Math.min(0.78, 0.1 + 1.5 * share))], i * 4);
      }
      const small = linli.el("canvas", { width: wide, height: high });
      small.getContext("2d").putImageData(image, 0, 0);
      this.canvas.width = size.x;
      this.canvas.height = size.y;
      const pen = this.canvas.getContext("2d");
      pen.imageSmoothingQuality = "high";
      pen.drawImage(small, 0, 0, wide * coarse, high * coarse);
      linli.sheet(map).put(Object.assign(this.picture, { zoom: map.getZoom(), bounds: map.getPixelBounds() }));
    }

    spread(sums, wide, high, coarse, { lat, lon, weight }) {
      const at = this._map.latLngToContainerPoint([lat, lon]);
      const reach = this.radius_m / linli.metresPerPixel(this._map, lat) / coarse;
      const [x, y] = [at.x / coarse - 0.5, at.y / coarse - 0.5]; // a sample stands for the middle of its square
      const peak = (weight * 3) / (Math.PI * this.radius_m ** 2) * 1e4;
      for (let row = Math.max(0, Math.ceil(y - reach)); row <= Math.min(high - 1, y + reach); row += 1) {
        for (let column = Math.max(0, Math.ceil(x - reach)); column <= Math.min(wide - 1, x + reach); column += 1) {
          const near = 1 - ((column - x) ** 2 + (row - y) ** 2) / reach ** 2;
          if (near > 0) sums[row * wide + column] += peak * near * near;
        }
      }
    }
  };

  /** Return the greatest density at any of the points: what the top of the heat's scale stands for. */
  linli.densest = (points, radius_m) => {
    if (!points.length) return 1;
    const metre = 360 / 40075016.686;
    const buckets = new Map();
    const spot = (p) => [Math.floor((p.lon * Math.cos((p.lat * Math.PI) / 180)) / metre / radius_m), Math.floor(p.lat / metre / radius_m)];
    for (const p of points) { const key = spot(p).join(); buckets.set(key, [...(buckets.get(key) || []), p]); }
    let most = 0;
    for (const p of points) {
      const [column, row] = spot(p);
      let sum = 0;
      for (let dx = -1; dx <= 1; dx += 1) for (let dy = -1; dy <= 1; dy += 1) {
        for (const q of buckets.get([column + dx, row + dy].join()) || []) {
          const x = ((q.lon - p.lon) * Math.cos((p.lat * Math.PI) / 180)) / metre;
          const near = 1 - (x ** 2 + ((q.lat - p.lat) / metre) ** 2) / radius_m ** 2;
          if (near > 0) sum += ((q.weight * 3) / (Math.PI * radius_m ** 2)) * 1e4 * near * near;
        }
      }
      most = Math.max(most, sum);
    }
    return most || 1;
  };
})();
