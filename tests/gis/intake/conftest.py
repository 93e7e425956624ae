"""A database to import into, and files to import."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gis.intake import ImportReport, run_import
from gis.store.session import Store

TODAY = date(2026, 1, 1)


@dataclass
class Importer:
    """Imports files into a fresh database and looks at what came of it."""

    store: Store
    folder: Path

    def run(
        self, kind: str, name: str, content: bytes | str | Path, *, keep: bool = True, **options: Any
    ) -> ImportReport:
        """Write a file of this name (or take the one at a path) and import it in one transaction."""
        path = content if isinstance(content, Path) else self.folder / name
        if not isinstance(content, Path):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with self.store.owner_engine.connect() as connection, connection.begin() as transaction:
            report = run_import(connection, kind, path, file_name=name, today=TODAY, **options)
            assert report.read == report.loaded + report.rejected
            if not keep:
                transaction.rollback()
        return report

    def ok(self, kind: str, name: str, content: bytes | str | Path, **options: Any) -> ImportReport:
        """Import a file without fault."""
        report = self.run(kind, name, content, **options)
        assert report.rejected == 0, report.faults
        return report

    def rows(self, query: str, **params: Any) -> list[tuple[Any, ...]]:
        """Return what is stored."""
        with self.store.owner_engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), params)]

    def one(self, query: str, **params: Any) -> Any:
        """Return the only value of the only row."""
        (row,) = self.rows(query, **params)
        return row[0] if len(row) == 1 else row


@pytest.fixture
def importer(store: Store, tmp_path: Path) -> Importer:
    """Give an importer on a fresh database."""
    return Importer(store, tmp_path)
