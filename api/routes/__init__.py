"""The routes, one file for each resource."""

from __future__ import annotations

from fastapi import APIRouter

from api.routes import (
    account,
    accounts,
    audit,
    buildings,
    chiefs,
    circles,
    contacts,
    coverage,
    desks,
    doors,
    events,
    files,
    grids,
    health,
    households,
    imports,
    locate,
    metrics,
    needs,
    reach,
    requests,
    residents,
    screen,
    session,
    stations,
    tiles,
    visits,
    whatif,
    zoning,
)

ROUTERS: tuple[APIRouter, ...] = (
    locate.router,  # first: the route that is asked most often is found first
    health.router,
    metrics.router,
    session.router,
    account.router,
    accounts.router,
    grids.router,
    zoning.router,
    chiefs.router,
    buildings.router,
    contacts.router,
    stations.router,
    households.router,
    residents.router,
    files.router,
    doors.router,
    imports.router,
    circles.router,
    coverage.router,
    reach.router,
    whatif.router,
    needs.router,
    requests.router,
    visits.router,
    screen.router,
    tiles.router,
    audit.router,
    events.router,
    desks.router,
)
"""In the order in which they are tried: ``/api/grids/locate`` goes before ``/api/grids/{code}``, ``/api/buildings/without-chief`` before
``/api/buildings/{code}``."""
