"""Servers for tests: one that only shows, and one that may be talked to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.served import Served, served


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """For a whole module, with the demo model."""
    with served(tmp_path_factory.mktemp("shown"), demo=True) as server:
        yield server


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same, with `--allow-control`."""
    with served(tmp_path_factory.mktemp("talking"), demo=True, allow_control=True) as server:
        yield server


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """For one test alone."""
    with served(tmp_path, allow_control=True) as server:
        yield server
