"""Fixtures that start real parts; each is used only by the tests that name it."""

from __future__ import annotations

pytest_plugins = ["tests.devcluster_fixtures", "tests.triton_fixtures", "tests.postgres_fixtures"]
