// What our maps use of protomaps-leaflet, as one script that defines `protomapsL`; made by python -m maps.assets.
export { CircleSymbolizer, LineSymbolizer, PolygonSymbolizer, exp, leafletLayer, pointInPolygon, sourcesToViews } from "protomaps-leaflet";
