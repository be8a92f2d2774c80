"""What every test has: logs as in production, engines of the run, and time: no example fails for being slow."""

from collections.abc import Iterator

import databases
import engines
import proving
import pytest
from databases import Engine
from hypothesis import settings

from platekeeper_common import log

log.configure()
settings.register_profile("platekeeper", deadline=None)
settings.load_profile("platekeeper")


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The embedded database, unless a test is marked `on_both`."""
    return "sqlite"


@pytest.fixture(autouse=True)
def _databases(engine: Engine) -> Iterator[None]:
    """What stands in the test stands on that engine; its databases are dropped at the end."""
    databases.chosen = engine
    yield
    databases.drop()
    databases.chosen = "sqlite"  # what a fixture of a module stands on, whose turn comes before the next test's


def pytest_configure(config: pytest.Config) -> None:
    """The run's own process, not its workers, opens and closes what they share."""
    if not hasattr(config, "workerinput"):
        engines.open_run()
        proving.begin(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test's report says which clauses it proves."""
    proving.mark(items)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Whatever happened, nothing is left running."""
    if hasattr(config, "workerinput"):
        engines.close_worker()
    else:
        proving.end(config)
        engines.close_run()
