"""Pages for eyes: folium maps, their layers, palettes and the offline assets they need."""
