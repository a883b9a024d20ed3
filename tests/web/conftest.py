"""Servers for tests, one of each kind for a whole module: to begin and end one takes a third of a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from felix.events import RunId
from tests.servers.fault_server import FaultServer
from tests.servers.quirks import GOOD, events
from tests.test_engine import listing
from tests.web.served import Served, finished, on_word, served


@pytest.fixture(scope="module", autouse=True)
def _nobody_waits_long() -> Iterator[None]:
    """An idle server looks for news four times a second: nothing that is tested depends on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("felix.web.feeds.IDLE_S", 0.01)
        yield


@pytest.fixture(autouse=True)
def _no_run_goes_on(request: pytest.FixtureRequest) -> Iterator[None]:
    """A server outlives a test, a run does not: the next test shall not meet it."""
    yield
    for each in request.node.funcargs.values():
        if isinstance(each, Served):
            each.wait(lambda each=each: not each.engine._runs)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One that only shows."""
    with served(tmp_path_factory.mktemp("shown")) as server:
        yield server


@pytest.fixture(scope="module")
def ended(shown: Served) -> RunId:
    """A run of it, at its end."""
    with FaultServer({"good": listing(events(*GOOD))}) as server:
        return finished(shown, server.url("good"))


@pytest.fixture(scope="module")
def _talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("own"), allow_control=True) as server:
        yield server


@pytest.fixture
def own(_talking: Served) -> Served:
    """One with `--allow-control`, which nobody watches yet."""
    _talking.wait(lambda: _talking.serving.watchers == 0)
    return _talking


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Served]:
    """The same for one test alone."""
    with served(tmp_path, allow_control=True) as server:
        yield server


@pytest.fixture
def held() -> Iterator[FaultServer]:
    """A model that begins an answer and ends it when the gate is opened."""
    with FaultServer({"held": listing(on_word)}) as server:
        yield server
