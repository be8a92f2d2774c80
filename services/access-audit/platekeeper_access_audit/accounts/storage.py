"""Accounts' tables and queries: agencies, accounts, login attempts, posts, device credentials."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    delete,
    func,
    select,
    update,
)

from platekeeper_access_audit.accounts.domain import Account, Mode
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.events.ingest import DeviceChanged
from platekeeper_common.ids import AgencyId
from platekeeper_common.policies import Agency
from platekeeper_common.schema import Moment, by_column

tables = MetaData()
agency = Table(
    "agency",
    tables,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("ori", String, nullable=False),
    Column("time_zone", String, nullable=False),
    Column("profile", String, nullable=False),
    Column("policy_version", String, nullable=False, comment="as last said in agency.changed"),
    Column("mode", String, nullable=False),
    Column("mode_since", Moment, nullable=False),
    Column("synthetic", Boolean, nullable=False),
)
account = Table(
    "account",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False, index=True, comment="an agency, or the platform itself"),
    Column("username", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("title", String, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("password_hash", String, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("synthetic", Boolean, nullable=False),
    Column("totp_secret", LargeBinary, nullable=True, comment="wrapped by the key store"),
    Column("totp_confirmed", Boolean, nullable=False),
    Column("totp_last_step", BigInteger, nullable=False),
    Column("disabled_at", Moment, nullable=True),
    Column("disabled_because", String, nullable=True),
    Column("last_signed_on_at", Moment, nullable=True),
    Column("valid_until", Moment, nullable=True),
    Column("separated_at", Moment, nullable=True),
)
post_term = Table(
    "post_term",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, ForeignKey("agency.id"), nullable=False),
    Column("post", String, nullable=False),
    Column("account_id", String, ForeignKey("account.id"), nullable=False, index=True),
    Column("held_from", Moment, nullable=False, comment="may lie ahead"),
    Column("held_until", Moment, nullable=True, comment="may lie ahead"),
    Column("title", String, nullable=True, comment="of the post when the term was set"),
    Column("set_by", String, nullable=True, comment="account"),
)
Index(
    "post_holder",
    post_term.c.agency_id,
    post_term.c.post,
    unique=True,
    sqlite_where=post_term.c.held_until.is_(None),
    postgresql_where=post_term.c.held_until.is_(None),
)
delegation = Table(
    "delegation",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, ForeignKey("agency.id"), nullable=False, index=True),
    Column("post", String, nullable=False),
    Column("account_id", String, ForeignKey("account.id"), nullable=False),
    Column("acts", JSON, nullable=False),
    Column("begins_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("given_by", String, ForeignKey("account.id"), nullable=False),
    Column("given_at", Moment, nullable=False),
    Column("revoked_at", Moment, nullable=True),
)
device_credential = Table(
    "device_credential",
    tables,
    Column("device_id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("secret_sha256", String, nullable=False),
    Column("retired", Boolean, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Term:
    """Who holds a post, from when to when; `until` None: open."""

    post: str
    account_id: str
    name: str
    since: datetime
    until: datetime | None = None
    title: str | None = None
    """Of the post when the term was set."""

    def holds(self, now: datetime) -> bool:
        """Whether the moment lies in the term."""
        return self.since <= now and (self.until is None or now < self.until)


async def add_agency(tx: Tx, new: Agency, policy_version: str, at: datetime) -> None:
    """Keep a new agency. Raises IntegrityError when the id is taken."""
    await tx.write(agency.insert().values(**asdict(new), policy_version=policy_version, mode_since=at))


async def agencies(tx: Tx) -> list[Agency]:
    """All agencies by id, closed ones too."""
    return [_agency(row) for row in await tx.rows(select(agency).order_by(agency.c.id))]


async def find_agency(tx: Tx, agency_id: AgencyId) -> Agency:
    """One agency. Raises NotFound `agency_unknown`."""
    row = await tx.row(select(agency).where(agency.c.id == agency_id))
    if row is None:
        raise NotFound(f"no agency {agency_id}", code="agency_unknown")
    return _agency(row)


async def policy_versions(tx: Tx) -> Mapping[str, str]:
    """By agency, the version of its policy that was last said."""
    return {row.id: row.policy_version for row in await tx.rows(select(agency.c.id, agency.c.policy_version))}


async def set_policy_version(tx: Tx, agency_id: AgencyId, version: str) -> None:
    """Remember what was said."""
    await tx.write(update(agency).where(agency.c.id == agency_id).values(policy_version=version))


async def set_mode(tx: Tx, agency_id: AgencyId, mode: Mode, at: datetime) -> None:
    """Test, live or closed, since then."""
    await tx.write(update(agency).where(agency.c.id == agency_id).values(mode=mode, mode_since=at))


async def add_account(tx: Tx, new: Account) -> None:
    """Keep a new account. Raises IntegrityError when the username is taken."""
    await tx.write(account.insert().values(**asdict(new)))


async def find_account(tx: Tx, account_id: str, agency_id: AgencyId | None) -> Account:
    """One account of the agency (None: of any). Raises NotFound `account_unknown`."""
    own = account.c.id == account_id
    row = await tx.row(select(account).where(own if agency_id is None else own & (account.c.agency_id == agency_id)))
    if row is None:
        raise NotFound("no such account", code="account_unknown")
    return _account(row)


async def account_of(tx: Tx, username: str) -> Account | None:
    """The account with that username."""
    row = await tx.row(select(account).where(account.c.username == username))
    return None if row is None else _account(row)


async def accounts(tx: Tx, agency_id: AgencyId) -> list[Account]:
    """The agency's accounts by username, disabled ones too."""
    rows = await tx.rows(select(account).where(account.c.agency_id == agency_id).order_by(account.c.username))
    return [_account(row) for row in rows]


async def any_account(tx: Tx, *, synthetic: bool | None = None) -> bool:
    """Whether there is an account, or one of that kind."""
    found = select(account.c.id).limit(1)
    return await tx.row(found if synthetic is None else found.where(account.c.synthetic == synthetic)) is not None


async def change_account(tx: Tx, account_id: str, **values: Any) -> None:
    """Set columns of an account."""
    await tx.write(update(account).where(account.c.id == account_id).values(**values))


async def disable_accounts(tx: Tx, agency_id: AgencyId, at: datetime) -> None:
    """All of the agency's accounts that are not disabled yet, and the terms of their posts."""
    own = (account.c.agency_id == agency_id) & account.c.disabled_at.is_(None)
    await tx.write(update(account).where(own).values(disabled_at=at))
    held = (post_term.c.agency_id == agency_id) & post_term.c.held_until.is_(None)
    await tx.write(update(post_term).where(held).values(held_until=at))


async def delete_accounts(tx: Tx, agency_id: AgencyId) -> None:
    """All of the agency's accounts, with everything that hangs on them."""
    own = select(account.c.id).where(account.c.agency_id == agency_id)
    for table in reversed(tables.sorted_tables):
        for column in table.c:
            if column.references(account.c.id):
                await tx.write(delete(table).where(column.in_(own)))
    await tx.write(delete(account).where(account.c.agency_id == agency_id))


async def terms(tx: Tx, agency_id: AgencyId, post: str | None = None) -> list[Term]:
    """Every term of the agency's posts, or of one, latest first; those that begin later too."""
    columns = (post_term, account.c.name)
    wanted = select(*columns).join(account, account.c.id == post_term.c.account_id)
    wanted = wanted.where(post_term.c.agency_id == agency_id)
    if post is not None:
        wanted = wanted.where(post_term.c.post == post)
    rows = await tx.rows(wanted.order_by(post_term.c.held_from.desc(), post_term.c.id.desc()))
    return [Term(row.post, row.account_id, row.name, row.held_from, row.held_until, row.title) for row in rows]


async def end_terms_of(tx: Tx, account_id: str, at: datetime) -> None:
    """The account leaves its posts, and those that it was to hold."""
    own = post_term.c.account_id == account_id
    await tx.write(delete(post_term).where(own & (post_term.c.held_from > at)))
    open_ended = post_term.c.held_until.is_(None) | (post_term.c.held_until > at)
    await tx.write(update(post_term).where(own & open_ended).values(held_until=at))


async def device(tx: Tx, device_id: str) -> Row[Any] | None:
    """The credential of a device."""
    return await tx.row(select(device_credential).where(device_credential.c.device_id == device_id))


async def put_device(tx: Tx, changed: DeviceChanged) -> bool:
    """Take in the register's word on a device; nothing is written when it is known already. True: newly retired."""
    if not _news(await device(tx, changed.device_id), changed):
        return False
    await tx.lock()
    known = await device(tx, changed.device_id)
    said = _news(known, changed)
    if known is None:
        await tx.write(device_credential.insert().values(device_id=changed.device_id, **said))
    elif said:
        own = device_credential.c.device_id == changed.device_id
        await tx.write(update(device_credential).where(own).values(**said))
    return bool(said and said["retired"] and known is not None and not known.retired)


def _news(known: Row[Any] | None, changed: DeviceChanged) -> dict[str, Any]:
    """A word on a device as it is to be kept; empty when it says nothing new. An old word takes no retirement back."""
    said = {
        "agency_id": changed.agency_id,
        "name": changed.name,
        "secret_sha256": changed.secret_sha256,
        "retired": changed.retired or (known is not None and known.retired),
    }
    new = known is None or any(getattr(known, name) != value for name, value in said.items())
    return said if new else {}


async def number_of_accounts(tx: Tx) -> int:
    """Accounts that are not disabled."""
    return await tx.number(select(func.count()).select_from(account).where(account.c.disabled_at.is_(None)))


def _agency(row: Row[Any]) -> Agency:
    return Agency(
        id=AgencyId(row.id),
        name=row.name,
        ori=row.ori,
        time_zone=row.time_zone,
        profile=row.profile,
        mode=row.mode,
        synthetic=row.synthetic,
    )


def _account(row: Row[Any]) -> Account:
    fields = dict(by_column(row))
    return Account(**(fields | {"roles": tuple(fields["roles"])}))
