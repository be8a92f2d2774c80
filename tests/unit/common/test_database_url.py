"""The URL of the databases: each service gets its own schema of it, whatever else it says."""

from pathlib import Path

import databases
import pytest
from unit.common.test_units_of_work import BARE

from platekeeper_common import postgresql
from platekeeper_common import settings as environment
from platekeeper_common.migrate import demand_migrated
from platekeeper_common.provision import provision
from platekeeper_common.settings import Settings, SettingsError

URL = "postgresql+asyncpg://{service}:p%40ss@db:5432/platekeeper"


@pytest.mark.parametrize(
    ("more", "driver"), [("", ""), ("?ssl=verify-full", "?sslmode=verify-full"), ("?ssl=require", "?sslmode=require")]
)
def test_what_is_said_of_the_line_stays_beside_the_schema(
    more: str, driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root.pem").touch()
    monkeypatch.setenv("PGSSLROOTCERT", str(tmp_path / "root.pem"))
    url = Settings(database=URL + more).database_of("ledger")
    address = URL.replace("{service}", "ledger")
    assert postgresql.split(url) == (address + more, "ledger")
    assert postgresql.dsn(url) == address.replace("+asyncpg", "") + driver


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://ledger:hidden@db/platekeeper", "must be postgresql\\+asyncpg://ROLE"),
        ("postgresql+psycopg://ledger:hidden@db/platekeeper", "must be postgresql\\+asyncpg://ROLE"),
        ("postgresql+asyncpg://ledger:hidden@db:port/platekeeper", "must be postgresql\\+asyncpg://ROLE"),
        ("postgresql+asyncpg://ledger:hidden@db", "must be postgresql\\+asyncpg://ROLE"),
        ("postgresql+asyncpg://ledger:hidden@/platekeeper", "must be postgresql\\+asyncpg://ROLE"),
        ("sqlite+aiosqlite:////var/x/{service}.sqlite", "must be postgresql\\+asyncpg://ROLE"),
        ("db/platekeeper", "must be postgresql\\+asyncpg://ROLE"),
        (f"{URL}?sslmode=require", "after the \\? only ssl is known, not sslmode"),
        (f"{URL}?schema=public", "after the \\? only ssl is known, not schema"),
        (f"{URL}?ssl=verify-full", "ssl=verify-full goes by the authorities .* and /nowhere is no file"),
        (f"{URL}?ssl=verify", "ssl must be one of disable, allow, prefer, require, verify-ca, verify-full"),
    ],
)
def test_what_the_driver_could_not_use_is_refused_by_the_variable(
    monkeypatch: pytest.MonkeyPatch, url: str, told: str
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", "/nowhere")
    monkeypatch.setenv("PLATEKEEPER_DATABASE", url)
    with pytest.raises(SettingsError, match=f"^PLATEKEEPER_DATABASE: .*{told}") as refusal:
        environment.load(Settings)
    assert "hidden" not in str(refusal.value)


def test_without_one_there_are_files(tmp_path: Path) -> None:
    assert Settings(var=tmp_path).database_of("ledger") == f"sqlite+aiosqlite:///{tmp_path}/db/ledger.sqlite"


async def test_the_mode_reaches_the_server_by_every_way() -> None:
    administrator = await databases.create((BARE,))
    clear = Settings(database=f"{databases.as_roles(administrator)}?ssl=disable").database_of(BARE.name)
    await provision(f"{administrator}?ssl=disable", (BARE,))
    await demand_migrated(clear, None)
    with pytest.raises(ConnectionError, match="rejected SSL"):
        await demand_migrated(clear.replace("disable", "require"), None)
    with pytest.raises(ConnectionError, match="rejected SSL"):
        await provision(f"{administrator}?ssl=require", (BARE,))
