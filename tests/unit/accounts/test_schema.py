"""The migrated schema is the one that the queries are written for."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from platekeeper_access_audit.accounts import attempts, storage
from platekeeper_access_audit.accounts.approvals import storage as approvals
from platekeeper_access_audit.accounts.grants import storage as grants
from platekeeper_access_audit.accounts.orders import storage as orders
from platekeeper_access_audit.accounts.policy_changes import storage as policy_changes
from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_access_audit.accounts.titles import storage as titles
from platekeeper_access_audit.accounts.training import notices
from platekeeper_access_audit.accounts.training import storage as training
from platekeeper_common.migrate import migrate
from platekeeper_common.schema import shared


async def test_the_migrations_make_the_tables(tmp_path: Path) -> None:
    owned = (
        attempts.login_attempt,
        orders.purge_order,
        policy_changes.policy_version,
        grants.role_grant,
        titles.authorised_title,
        approvals.access_approval,
        training.course_version,
        notices.expiry_notice,
    )
    assert all(table.metadata is storage.tables for table in owned)
    url = f"sqlite+aiosqlite:///{tmp_path / 'accounts.sqlite'}"
    await migrate(url, ACCOUNTS.migrations)
    engine = create_async_engine(url)

    def differences(connection: Connection) -> list[object]:
        own = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: (
                    kind != "table" or (name not in shared.tables and name != "alembic_version")
                ),
            },
        )
        return list(compare_metadata(own, storage.tables))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()
