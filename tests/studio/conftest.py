"""A database for each test: SQLite beside it, or, where `MELISMA_TEST_DATABASE` names a PostgreSQL database, a schema
of its own in that one, as in `postgresql+psycopg://melisma@127.0.0.1:5432/melisma`."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from melisma.studio.database import sqlite_url


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """Address of an empty database."""
    address = os.environ.get("MELISMA_TEST_DATABASE")
    if address is None:
        yield sqlite_url(tmp_path)
        return
    name = f"t{uuid4().hex}"
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    yield make_url(address).update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()
