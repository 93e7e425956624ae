// The base map: our own vector tiles, drawn calmly on canvas.
"use strict";
(() => {
  linli.font = 'system-ui, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", sans-serif';
  const DEEPEST = 16; // zoom of the deepest tiles; beyond it they are enlarged

  const THEMES = linli.themes = {
    light: {
      land: "#f5f3ed", water: "#bfd9e3", green: "#d7e6cb", building: "#e6e1d7", wall: "#cdc5b7", road: "#ffffff", edge: "#d9d3c6",
      major: "#fdf0d2", majorEdge: "#dfcb9f", path: "#c4b59c", text: "#4a4f52", halo: "#f9f8f4", waterText: "#3f7288", houseText: "#6d665a",
      gridText: "#14343c", gridHalo: "rgba(255,255,255,0.82)",
    },
    dark: {
      land: "#0b1b22", water: "#0f3344", green: "#10291f", building: "#142a34", wall: "#1d3945", road: "#1c3540", edge: "#0b1b22",
      major: "#2a4a56", majorEdge: "#0b1b22", path: "#24414c", text: "#8fabb3", halo: "#0b1b22", waterText: "#5f9db3", houseText: "#64818a",
      gridText: "#eaf6f4", gridHalo: "rgba(6,18,24,0.85)",
    },
  };

  // Class of a street → width in pixels at zoom 16; each zoom doubles a little less than the ground does.
  const CLASSES = [
    { kinds: ["footway", "path", "steps", "cycleway", "bridleway", "corridor"], width: 1.2, path: true, from: 16 },
    { kinds: ["service", "track", "pedestrian", "living_street", "road"], width: 4, from: 15 },
    { kinds: ["residential", "unclassified"], width: 6.5, from: 13 },
    { kinds: ["tertiary", "tertiary_link"], width: 9, from: 12 },
    { kinds: ["secondary", "secondary_link"], width: 11, major: true, from: 11 },
    { kinds: ["primary", "primary_link"], width: 13, major: true, from: 9 },
    { kinds: ["trunk", "trunk_link", "motorway", "motorway_link"], width: 14, major: true, from: 8 },
  ];

  const sources = new Map();
  /** Return the tile source of an address: one cache for all layers that draw from it. */
  linli.tiles = (map, address) => {
    if (!sources.has(address)) sources.set(address, new Source(map, address));
    return sources.get(address);
  };

  // What protomaps-leaflet asks of an archive: bytes of a tile, or nothing. A tile that fails is empty and said, never an exception.
  class Source {
    constructor(map, address) {
      this.map = map;
      this.address = address;
      this.kept = new Map();
    }

    getZxy(z, x, y) {
      const address = linli.url(this.address, { z: String(z), x: String(x), y: String(y) });
      if (!this.kept.has(address)) {
        if (this.kept.size > 200) this.kept.delete(this.kept.keys().next().value);
        this.kept.set(address, this.load(address));
      }
      return this.kept.get(address);
    }

    async load(address) {
      try {
        const answer = await fetch(address, { credentials: "same-origin", priority: "low" }); // after what the map is about
        if (answer.status === 401) linli.signIn(this.map);
        if (answer.status === 204 || answer.status === 404) return undefined;
        if (!answer.ok) throw new Error(String(answer.status));
        const data = await answer.arrayBuffer();
        linli.notice(this.map, "tiles", "");
        return data.byteLength ? { data } : undefined;
      } catch {
        this.kept.delete(address);
        linli.notice(this.map, "tiles", linli.word("load.tiles"));
        return undefined;
      }
    }
  }

  const layers = new Set();
  const DRAWN = ["grids", "buildings", "streets", "backdrop"];
  const PAUSE_MS = 10000;
  let freshened = -Infinity;

  // Fetch tiles again (unchanged ones are answered with 304) and draw them; what is shown stays until the new is there.
  function freshen() {
    freshened = performance.now();
    for (const source of sources.values()) source.kept.clear();
    for (const drawn of layers) {
      for (const view of drawn.views.values()) view.tileCache.cache.clear();
      drawn.clearLayout();
      if (drawn._map) drawn.rerenderTiles();
    }
  }
  linli.hear("imported", freshen);
  linli.hear("refresh", (detail) => {
    const topic = detail && detail.topic;
    if (topic ? DRAWN.includes(topic) : performance.now() - freshened > PAUSE_MS) freshen();
  });

  const grow = (width) => protomapsL.exp(1.62, [[8, width * 0.05], [12, width * 0.16], [16, width], [20, width * 6.9]]);

  function lines(layer, filter, color, width, more = {}) {
    return { dataLayer: layer, filter, symbolizer: new protomapsL.LineSymbolizer({ color, width, lineCap: "round", lineJoin: "round", ...more }) };
  }

  const isArea = (zoom, feature) => feature.geomType === 3;

  function ground(theme) {
    const fill = (kind, color) => ({
      dataLayer: "backdrop", filter: (zoom, f) => isArea(zoom, f) && f.props.kind === kind, symbolizer: new protomapsL.PolygonSymbolizer({ fill: color }),
    });
    return [
      fill("green", theme.green),
      fill("water", theme.water),
      lines("backdrop", (zoom, f) => f.geomType === 2 && f.props.kind === "water", theme.water, grow(7)),
    ];
  }

  function houses(theme) {
    return [{
      dataLayer: "buildings", minzoom: 13, filter: isArea,
      symbolizer: new protomapsL.PolygonSymbolizer({ fill: theme.building, stroke: theme.wall, width: (zoom) => (zoom < 15 ? 0 : 0.8), perFeature: true }),
    }];
  }

  // Streets from the least to the greatest: edges first, so that junctions are open; bridges over all.
  function streets(theme, bridge) {
    const rules = [];
    const of = (group, zoom, f) => group.kinds.includes(f.props.kind) && Boolean(f.props.bridge) === bridge;
    for (const group of CLASSES) {
      const filter = (zoom, f) => zoom >= group.from && of(group, zoom, f);
      if (group.path) rules.push(lines("streets", filter, theme.path, grow(group.width), { dash: [4, 3], lineCap: "butt" }));
      else {
        const edge = bridge ? theme.text : group.major ? theme.majorEdge : theme.edge;
        rules.push(lines("streets", filter, edge, (zoom) => grow(group.width)(zoom) + (bridge ? 2 : 1.6), bridge ? { lineCap: "butt" } : {}));
      }
    }
    for (const group of CLASSES) {
      if (group.path) continue;
      const filter = (zoom, f) => zoom >= group.from && of(group, zoom, f);
      rules.push(lines("streets", filter, group.major ? theme.major : theme.road, grow(group.width)));
    }
    return rules;
  }

  function layer(map, pane, options) {
    const drawn = protomapsL.leafletLayer({ attribution: "", lang: "zh", pane, maxZoom: 20, maxDataZoom: DEEPEST, ...options });
    drawn.options.keepBuffer = 1;
    layers.add(drawn);
    linli.sheet(map).follow(drawn);
    return drawn;
  }
  linli.tileLayer = layer;
  /** Let a layer with `views` follow changes of what its tiles show. */
  linli.followTiles = (drawn) => layers.add(drawn);

  /** The ground: land, water, green, streets. */
  linli.ground = (map, settings) => {
    const theme = THEMES[settings.theme];
    return layer(map, "ground", {
      sources: { "": { url: linli.tiles(map, map.options.urls.base_tiles), maxDataZoom: DEEPEST } },
      paintRules: [...ground(theme), ...houses(theme), ...streets(theme, false), ...streets(theme, true)], labelRules: [],
      backgroundColor: theme.land, attribution: linli.el("span", {}, settings.attribution).innerHTML,
    });
  };

  /** Buildings by themselves, stronger than on the ground, as a layer to be switched. */
  linli.houses = (map) => layer(map, "ground", {
    sources: { "": { url: linli.tiles(map, map.options.urls.base_tiles), maxDataZoom: DEEPEST } },
    paintRules: [{
      dataLayer: "buildings", minzoom: 13, filter: isArea,
      symbolizer: new protomapsL.PolygonSymbolizer({ fill: "#cdbfa6", stroke: "#8d7c60", width: (zoom) => (zoom < 15 ? 0.3 : 1), perFeature: true }),
    }, {
      dataLayer: "buildings", minzoom: 14, filter: (zoom, f) => f.geomType === 1,
      symbolizer: new protomapsL.CircleSymbolizer({ radius: (zoom) => Math.max(1.5, zoom - 13), fill: "#8d7c60" }),
    }],
    labelRules: [],
  });

  // From further away a grid is some ten pixels wide: its dashes would only grey the map, at the price of every grid's outline.
  const BOUNDARIES_FROM = 14;
  /** The grids' boundaries as thin lines, for maps that shade something else. */
  linli.boundaries = (map) => layer(map, "shades", {
    minZoom: BOUNDARIES_FROM,
    sources: { "": { url: linli.tiles(map, map.options.urls.grid_tiles), maxDataZoom: DEEPEST } },
    paintRules: [{ dataLayer: "grids", symbolizer: new protomapsL.LineSymbolizer({ color: "#55757b", width: 1, opacity: 0.8, dash: [6, 3] }) }], labelRules: [],
  });

  // Nothing may reorder what stands beside a name, and a name may not fill the map.
  const tidy = (name, most) => {
    const plain = linli.unmarked(name || "").replace(/[\u0000-\u001f\u007f\u2066-\u2069]/g, "").trim();
    const letters = [...plain];
    return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : plain;
  };
  linli.tidy = tidy;
})();
