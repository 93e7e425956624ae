"""The routes, one file for each resource."""

from __future__ import annotations

from fastapi import APIRouter

from api.routes import (
    buildings,
    circles,
    coverage,
    grids,
    health,
    households,
    imports,
    locate,
    needs,
    reach,
    screen,
    session,
    stations,
    tiles,
    whatif,
    zoning,
)

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    session.router,
    locate.router,
    grids.router,
    zoning.router,
    buildings.router,
    stations.router,
    households.router,
    imports.router,
    circles.router,
    coverage.router,
    reach.router,
    whatif.router,
    needs.router,
    screen.router,
    tiles.router,
)
"""In the order in which they are tried: ``/api/grids/locate`` goes before ``/api/grids/{code}``."""
