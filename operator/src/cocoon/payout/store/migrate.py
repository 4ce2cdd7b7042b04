"""Bringing a database to this version's tables: at every start, by Alembic, over the writer's connection."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings for this connection."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def migrate(connection: Connection) -> None:
    """Run what is missing. Raises alembic.util.CommandError for a database of a later version."""
    command.upgrade(alembic_config(connection), "head")


def version(connection: Connection) -> str:
    """The step that the database is at; empty before the first."""
    return MigrationContext.configure(connection).get_current_revision() or ""
