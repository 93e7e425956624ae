"""The architecture as README.md draws it: imports go down only, the wings that compute know no storage, and nothing goes in circles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = {"gis": 0, "maps": 1, "api": 2}
"""``fixtures`` stands beside api: it makes the demo place that ``linli serve --demo`` loads."""
WINGS = ("gis.grids", "gis.accessibility", "gis.needs", "gis.secrecy", "gis.casework")
STORING = ("gis.models", "gis.store", "gis.services", "gis.intake", "sqlalchemy", "psycopg")


def modules() -> dict[str, ast.Module]:
    files = [file for top in FLOORS for file in (ROOT / top).rglob("*.py") if "migrations" not in file.parts]
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(file.read_text())
        for file in files
    }


MODULES = modules()


def imported(tree: ast.Module, *, when_loaded: bool = False) -> Iterator[str]:
    """Give the names that a module imports, modules and what is taken from them alike; ``when_loaded``: only what it imports at once."""
    for node in ast.iter_child_nodes(tree) if when_loaded else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, "imports are absolute"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def is_in(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_imports_go_down_only() -> None:
    for module, tree in MODULES.items():
        higher = tuple(top for top, floor in FLOORS.items() if floor > FLOORS[module.partition(".")[0]])
        assert not [name for name in imported(tree) if is_in(name, (*higher, "tests", "benchmarks"))], module


def test_only_maps_knows_folium_and_only_api_knows_http() -> None:
    for module, tree in MODULES.items():
        if not is_in(module, ("maps",)):
            assert not [name for name in imported(tree) if is_in(name, ("folium", "branca"))], module
        if is_in(module, ("gis", "maps")):
            web = ("fastapi", "starlette", "uvicorn", "httpx")
            assert not [name for name in imported(tree) if is_in(name, web)], module


def test_wings_know_no_storage() -> None:
    found = {module for module in MODULES if is_in(module, WINGS)}
    assert len(found) > 30
    for module in found:
        assert not [name for name in imported(MODULES[module]) if is_in(name, STORING)], module


def test_no_module_waits_for_itself() -> None:
    graph = {module: set[str]() for module in MODULES}
    for module, tree in MODULES.items():
        for name in imported(tree, when_loaded=True):
            known = name if name in MODULES else name.rpartition(".")[0]
            if known in MODULES and known != module:
                graph[module].add(known)
    assert sum(map(len, graph.values())) > 1000
    TopologicalSorter(graph).prepare()  # raises CycleError, naming the modules
