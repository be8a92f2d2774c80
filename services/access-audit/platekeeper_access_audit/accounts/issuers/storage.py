"""Registered issuers, logins that wait for their word, and who is known to them by which subject."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Column, ForeignKey, LargeBinary, Row, String, Table, delete, false, func, select

from platekeeper_access_audit.accounts.issuers.domain import Issuer, Login, Proposal
from platekeeper_access_audit.accounts.storage import account, agency, tables
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column


def _registration() -> tuple[Column[Any], ...]:
    """What is kept of an issuer, in force or proposed."""
    return (
        Column("agency_id", String, ForeignKey("agency.id"), primary_key=True),
        Column("url", String, nullable=False),
        Column("client_id", String, nullable=False),
        Column("client_secret", LargeBinary, nullable=False, comment="wrapped by the key store"),
        Column("username_claim", String, nullable=False),
        Column("second_factor_amr", JSON, nullable=False),
        Column("second_factor_acr", JSON, nullable=False),
        Column("passwords", Boolean, nullable=False),
        Column("registered_at", Moment, nullable=False),
    )


issuer = Table("issuer", tables, *_registration())
issuer_proposal = Table(
    "issuer_proposal",
    tables,
    *_registration(),
    Column("id", String, nullable=False, comment="another for each proposal"),
    Column("proposed_by", String, nullable=False, comment="account"),
    Column("proposed_by_name", String, nullable=False),
)
issuer_login = Table(
    "issuer_login",
    tables,
    Column("state_sha256", String, primary_key=True),
    Column("browser_sha256", String, nullable=False),
    Column("agency_id", String, nullable=False),
    Column("nonce", String, nullable=False),
    Column("verifier", LargeBinary, nullable=False, comment="wrapped by the key store"),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("account_id", String, nullable=True, comment="whom the issuer named; our second factor is missing"),
    Column("subject", String, nullable=True),
    Column("second_factor", Boolean, nullable=False, server_default=false()),
)
issuer_link = Table(
    "issuer_link",
    tables,
    Column("account_id", String, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("url", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("linked_at", Moment, nullable=False),
)


async def find(tx: Tx, agency_id: AgencyId) -> Issuer | None:
    """The agency's issuer."""
    row = await tx.row(select(issuer).where(issuer.c.agency_id == agency_id))
    return None if row is None else _issuer(row)


async def put(tx: Tx, new: Issuer) -> None:
    """The agency's issuer from now on."""
    await remove(tx, new.agency_id)
    await tx.write(issuer.insert().values(**asdict(new)))


async def remove(tx: Tx, agency_id: AgencyId) -> bool:
    """The agency has no issuer any more; whether it had one."""
    return await tx.write(delete(issuer).where(issuer.c.agency_id == agency_id)) == 1


async def propose(tx: Tx, new: Proposal) -> None:
    """It waits for a second person, in place of whatever waited."""
    await forget_proposal(tx, new.issuer.agency_id)
    who = {"id": new.id, "proposed_by": new.proposed_by, "proposed_by_name": new.proposed_by_name}
    await tx.write(issuer_proposal.insert().values(**asdict(new.issuer), **who))


async def proposed(tx: Tx, agency_id: AgencyId) -> Proposal | None:
    """What waits at the agency."""
    row = await tx.row(select(issuer_proposal).where(issuer_proposal.c.agency_id == agency_id))
    return None if row is None else Proposal(row.id, _issuer(row), row.proposed_by, row.proposed_by_name)


async def forget_proposal(tx: Tx, agency_id: AgencyId) -> None:
    """Nothing waits at the agency."""
    await tx.write(delete(issuer_proposal).where(issuer_proposal.c.agency_id == agency_id))


async def agencies(tx: Tx) -> list[tuple[str, str]]:
    """Id and name of every agency that is not closed and has an issuer, by name."""
    found = select(agency.c.id, agency.c.name).join(issuer, issuer.c.agency_id == agency.c.id)
    rows = await tx.rows(found.where(agency.c.mode != "closed").order_by(agency.c.name, agency.c.id))
    return [(row.id, row.name) for row in rows]


async def passwords_off(tx: Tx, agency_id: AgencyId) -> bool:
    """Whether the agency's people log in through its issuer alone."""
    found = await find(tx, agency_id)
    return found is not None and not found.passwords


async def add_login(tx: Tx, new: Login) -> None:
    """A login waits."""
    await tx.write(issuer_login.insert().values(**asdict(new)))


async def take_login(tx: Tx, state_sha256: str, browser_sha256: str) -> Login | None:
    """The login of that browser, which waits no longer: of many who take it at once one gets it."""
    own = (issuer_login.c.state_sha256 == state_sha256) & (issuer_login.c.browser_sha256 == browser_sha256)
    rows = await tx.write_returning(delete(issuer_login).where(own).returning(issuer_login))
    return Login(**by_column(rows[0])) if rows else None


async def prune_logins(tx: Tx, now: datetime) -> int:
    """Drop those that have ended; how many wait."""
    await tx.write(delete(issuer_login).where(issuer_login.c.expires_at <= now))
    return await tx.number(select(func.count()).select_from(issuer_login))


async def linked_account(tx: Tx, url: str, subject: str, agency_id: AgencyId) -> str | None:
    """The account of the agency that the issuer knows by the subject."""
    own = (issuer_link.c.url == url) & (issuer_link.c.subject == subject) & (account.c.agency_id == agency_id)
    found = select(issuer_link.c.account_id).join(account, account.c.id == issuer_link.c.account_id)
    row = await tx.row(found.where(own))
    return None if row is None else str(row.account_id)


async def linked_subject(tx: Tx, account_id: str, url: str) -> str | None:
    """By which subject the issuer knows the account."""
    own = (issuer_link.c.account_id == account_id) & (issuer_link.c.url == url)
    row = await tx.row(select(issuer_link.c.subject).where(own))
    return None if row is None else str(row.subject)


async def link(tx: Tx, account_id: str, url: str, subject: str, at: datetime) -> None:
    """The issuer knows the account by that subject from now on, whoever knew it before."""
    await unlink(tx, account_id)
    row = {"account_id": account_id, "url": url, "subject": subject, "linked_at": at}
    await tx.write(issuer_link.insert().values(**row))


async def unlink(tx: Tx, account_id: str) -> None:
    """The account is nobody's at an issuer."""
    await tx.write(delete(issuer_link).where(issuer_link.c.account_id == account_id))


def _issuer(row: Row[Any]) -> Issuer:
    fields = {column.name: by_column(row)[column.name] for column in issuer.c}
    lists = {name: tuple(fields[name]) for name in ("second_factor_amr", "second_factor_acr")}
    return Issuer(**(fields | lists))
