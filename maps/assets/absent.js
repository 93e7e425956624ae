// Stands for two packages of which protomaps-leaflet makes nothing on our maps: ready-made styles (we have our own) and archives of tiles in one file
// (we serve tiles one by one). Together they weigh as much as all the rest.
const absent = (what) => { throw new Error(`left out of the bundle: ${what}`); };

export const namedFlavor = () => absent("@protomaps/basemaps");

export class PMTiles {
  constructor() { absent("pmtiles"); }
}
