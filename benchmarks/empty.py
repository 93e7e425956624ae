"""An empty answer of FastAPI: what a request costs at least. Run by uvicorn as linli is; see benchmarks/locating.py."""

from __future__ import annotations

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def nothing() -> dict[str, str]:
    """Answer nothing."""
    return {}
