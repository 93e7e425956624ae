"""OpenStreetMap files: nodes that are missing, ways that are none, cuts, other things under their name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import osmium

from tests.gis.intake.corpus.case import REFUSED, Case

_BROKEN = "OSM 文件损坏或不完整"
_NODES = "".join(
    f"<node id='{n}' version='1' lon='{102 + n % 2 * 0.001}' lat='{25 + n // 2 * 0.001}'/>" for n in range(1, 9)
)


def _osm(inner: str, nodes: str = _NODES) -> bytes:
    return f"<?xml version='1.0' encoding='UTF-8'?><osm version='0.6'>{nodes}{inner}</osm>".encode()


def _way(refs: tuple[int, ...], key: int = 10, **tags: str) -> str:
    inner = "".join(f"<nd ref='{ref}'/>" for ref in refs)
    return (
        f"<way id='{key}' version='1'>{inner}" + "".join(f"<tag k='{k}' v='{v}'/>" for k, v in tags.items()) + "</way>"
    )


@cache
def _pbf() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.osm.pbf"
        with osmium.SimpleWriter(str(path)) as writer:
            for n in range(1, 2000):
                writer.add_node(osmium.osm.mutable.Node(id=n, location=(102 + n / 1e5, 25.0)))
            for n in range(1, 1990):
                writer.add_way(osmium.osm.mutable.Way(id=n, nodes=[n, n + 1], tags={"highway": "residential"}))
        return path.read_bytes()


def cases() -> list[Case]:
    good = _osm(_way((1, 2, 4), highway="residential"))
    found: list[tuple[str, str, bytes, str, tuple[int, int] | None]] = [
        ("streets", "nodes missing", _osm(_way((1, 2), key=9, highway="residential") + _way((1, 90, 91), highway="residential")), "几何无法读取", (2, 1)),
        ("streets", "all nodes missing", _osm(_way((90, 91), highway="residential")), "几何无法读取|缺", (1, 0)),
        ("streets", "a way of one node", _osm(_way((1,), highway="residential")), "几何无法读取|缺|零", (1, 0)),
        ("streets", "a way of no node", _osm(_way((), highway="residential")), "几何无法读取|缺", (1, 0)),
        ("streets", "a way that stands still", _osm(_way((1, 1, 1), highway="residential")), "零|无法读取", (1, 0)),
        ("streets", "a node without a position", _osm(_way((1, 2), highway="residential"), "<node id='1' version='1'/><node id='2' version='1' lon='102' lat='25'/>"), "几何无法读取", (1, 0)),
        ("streets", "a node at 0, 0", _osm(_way((1, 2), highway="residential"), "<node id='1' version='1' lon='0' lat='0'/><node id='2' version='1' lon='102' lat='25'/>"), "0,0|超出范围", (1, 0)),
        ("streets", "swapped axes", _osm(_way((1, 2), highway="residential"), "<node id='1' version='1' lon='25' lat='89'/><node id='2' version='1' lon='25' lat='88'/>"), "经纬度可能颠倒", (1, 0)),
        ("streets", "lat beyond the pole", _osm(_way((1, 2), highway="residential"), "<node id='1' version='1' lon='25' lat='102'/><node id='2' version='1' lon='102' lat='25'/>"), "几何无法读取", (1, 0)),
        ("streets", "a position that is text", _osm(_way((1, 2), highway="residential"), "<node id='1' version='1' lon='x' lat='25'/><node id='2' version='1' lon='102' lat='25'/>"), _BROKEN, None),
        ("streets", "NaN", _osm(_way((1, 2), highway="residential"), "<node id='1' version='1' lon='NaN' lat='25'/><node id='2' version='1' lon='102' lat='25'/>"), _BROKEN, None),
        ("streets", "ways before nodes", _osm(_NODES, _way((1, 2), highway="residential")), "几何无法读取", (1, 0)),
        ("streets", "the same way twice", _osm(_way((1, 2), highway="residential") * 2), "与第 1 行重复", (2, 1)),
        ("streets", "no streets at all", _osm(""), "没有数据|没有可用", (0, 0)),
        ("streets", "a level of noise", _osm(_way((1, 2), highway="residential", layer="up")), "", (1, 1)),
        ("streets", "cut in the middle", good[: len(good) // 2], _BROKEN, None),
        ("streets", "cut at the end", good[:-4], _BROKEN, None),
        ("streets", "text behind it", good + b"<x", _BROKEN, None),
        ("streets", "not XML", b"hello", _BROKEN, None),
        ("streets", "another XML", b"<?xml version='1.0'?><gpx version='1.1'></gpx>", f"{_BROKEN}|没有", None),
        ("streets", "another version", good.replace(b"'0.6'", b"'0.5'", 1), f"{_BROKEN}|没有", None),
        ("streets", "a billion laughs", b"<?xml version='1.0'?><!DOCTYPE o [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]>" + good.split(b"?>")[1], f"{_BROKEN}|没有", None),
        ("streets", "empty", b"", "空文件", None),
        ("buildings", "a building that crosses itself", _osm(_way((1, 4, 2, 3, 1), building="yes")), "面无效", (1, 0)),
        ("buildings", "a building of an open line", _osm(_way((1, 2, 3), building="yes")), "需要点或面", (1, 0)),
        ("buildings", "a relation without its ways", _osm("<relation id='7' version='1'><member type='way' ref='99' role='outer'/><tag k='type' v='multipolygon'/><tag k='building' v='yes'/></relation>"), "几何无法读取", (1, 0)),
        ("buildings", "floors that are none", _osm(_way((1, 2, 4, 3, 1), building="yes").replace("</way>", "<tag k='building:levels' v='many'/></way>")), "", (1, 1)),
        ("stations", "hours that cannot be read", _osm("<node id='50' version='1' lon='102' lat='25'><tag k='amenity' v='clinic'/><tag k='name' v='社区卫生站'/><tag k='opening_hours' v='有空就开'/></node>"), "营业时间看不懂", (1, 1)),
        ("households", "a kind that OSM does not have", good, "只能导入", None),
        ("residents", "a kind that OSM does not have", good, "只能导入", None),
    ]  # fmt: skip
    made = [
        Case("maps", what, kind, "图.osm", raw, says, outcome or REFUSED, None)
        for kind, what, raw, says, outcome in found
    ]

    def cut(share: float) -> Callable[[Path], bytes]:
        return lambda _: _pbf()[: int(len(_pbf()) * share)]

    return [
        *made,
        *(Case("maps", f"cut at {share:.0%}", "streets", "图.osm.pbf", cut(share), _BROKEN, crs=None) for share in (0.02, 0.3, 0.6, 0.95)),
        Case("maps", "a byte turned", "streets", "图.osm.pbf", lambda _: _pbf()[:200] + b"\xff\xff" + _pbf()[202:], _BROKEN, crs=None),
        Case("maps", "XML by this name", "streets", "图.osm.pbf", good, _BROKEN, crs=None),
        Case("maps", "PBF by this name", "streets", "图.osm", lambda _: _pbf(), _BROKEN, crs=None),
        Case("maps", "a header that says 2 GB", "streets", "图.osm.pbf", b"\x7f\xff\xff\xff" + b"\0" * 40, _BROKEN, crs=None),
    ]  # fmt: skip
