"""Accounts: who may."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import structlog

from platekeeper_access_audit.accounts import agencies, statements
from platekeeper_access_audit.accounts.approvals.routes import router as approvals
from platekeeper_access_audit.accounts.consumers import follow_devices, follow_policies, keep_awake
from platekeeper_access_audit.accounts.dormancy import handlers as dormancy
from platekeeper_access_audit.accounts.grants.routes import router as grants_router
from platekeeper_access_audit.accounts.issuers.routes import router as issuers
from platekeeper_access_audit.accounts.matters import routes as matter_routes
from platekeeper_access_audit.accounts.offices.routes import router as offices_router
from platekeeper_access_audit.accounts.orders.routes import router as orders_router
from platekeeper_access_audit.accounts.own_notices import routes as notice_routes
from platekeeper_access_audit.accounts.passkeys.routes import router as passkeys
from platekeeper_access_audit.accounts.policy import SECTIONS
from platekeeper_access_audit.accounts.policy_changes import handlers as policy_changes
from platekeeper_access_audit.accounts.policy_changes.routes import router as policy_changes_router
from platekeeper_access_audit.accounts.revocations import routes as revocations
from platekeeper_access_audit.accounts.room import AccountsRoom, AccountsSettings, open_room
from platekeeper_access_audit.accounts.routes import router
from platekeeper_access_audit.accounts.second_factors import routes as second_factors
from platekeeper_access_audit.accounts.sessions import routes as session_routes
from platekeeper_access_audit.accounts.terminals import routes as terminals
from platekeeper_access_audit.accounts.titles.routes import router as titles
from platekeeper_access_audit.accounts.training import notices
from platekeeper_access_audit.accounts.training.routes import router as training
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.events.access import AccessRecorded, AccessRevoked, AgencyChanged, PolicyAdopted
from platekeeper_common.events.ingest import DeviceChanged
from platekeeper_common.events.public import PolicyPublished, StatedInPublic
from platekeeper_common.foundation import JWKS_PATH
from platekeeper_common.service import Consumes, Follows, Foundation, Grant, Job, Service

CLOSE_EVERY = timedelta(hours=1)
_log = structlog.get_logger()


@asynccontextmanager
async def open_accounts(foundation: Foundation, settings: AccountsSettings) -> AsyncIterator[AccountsRoom]:
    """Open the room; agencies whose policy profile changed while the process was away are said again."""
    async with open_room(foundation, settings) as here:
        await policy_changes.remember(here)
        await agencies.say_new_policy_versions(here)
        await policy_changes.keep_installed(here)
        yield here


async def renew_signing_key(here: AccountsRoom) -> None:
    """Publish the next key when the newest comes of age."""
    await here.signing.run()


async def close_unused_accounts(here: AccountsRoom) -> None:
    """Disable dormant and expired accounts, every hour."""
    while True:
        try:
            await dormancy.close_unused(here)
        except Unavailable as error:
            _log.warning("unused accounts not closed", reason=str(error))
        await asyncio.sleep(CLOSE_EVERY.total_seconds())


ACCOUNTS = Service(
    name="accounts",
    summary="Agencies, people, posts, training and the tokens of people and devices.",
    paths=(
        "/v1/login",
        "/v1/session",
        "/v1/device-tokens",
        "/v1/token-exchange",
        "/v1/me/second-factor",
        "/v1/me/passkeys",
        "/v1/issuer",
        "/v1/me/notices",
        "/v1/terminals",
        "/v1/matters",
        "/v1/agencies",
        "/v1/accounts",
        "/v1/access-approvals",
        "/v1/posts",
        "/v1/titles",
        "/v1/courses",
        "/v1/training",
        "/v1/expiry-notices",
        "/v1/delegations",
        "/v1/role-grants",
        "/v1/purge-orders",
        "/v1/policy-changes",
        "/v1/policy-versions",
        "/v1/training-certificates",
        JWKS_PATH,
    ),
    open=open_accounts,
    migrations=Path(__file__).parent / "migrations",
    grants=(
        Grant("agency", "SELECT, INSERT, UPDATE"),
        Grant("account", "SELECT, INSERT, UPDATE, DELETE"),
        Grant("session", "SELECT, INSERT, UPDATE, DELETE"),
        Grant("spent_refresh", "SELECT, INSERT, DELETE"),
        Grant("terminal", "SELECT, INSERT, UPDATE"),
        Grant("known_device", "SELECT, INSERT, UPDATE, DELETE"),
        Grant("notice", "SELECT, INSERT, DELETE"),
        Grant("recovery_code", "SELECT, INSERT, UPDATE, DELETE"),
        Grant("login_attempt", "SELECT, INSERT, UPDATE, DELETE"),
        Grant("post_term", "SELECT, INSERT, UPDATE, DELETE"),
        Grant("authorised_title", "SELECT, INSERT, UPDATE"),
        Grant("access_approval", "SELECT, INSERT, UPDATE, DELETE"),
        Grant("course_version", "SELECT, INSERT, UPDATE"),
        Grant("expiry_notice", "SELECT, INSERT, DELETE"),
        Grant("account_hand", "SELECT, INSERT, DELETE"),
        Grant("delegation", "SELECT, INSERT, UPDATE, DELETE"),
        Grant("role_grant", "SELECT, INSERT, UPDATE"),
        Grant("purge_order", "SELECT, INSERT, UPDATE"),
        Grant("purge_signature", "SELECT, INSERT"),
        Grant("policy_change", "SELECT, INSERT, UPDATE"),
        Grant("policy_version", "SELECT, INSERT"),
        Grant("policy_acceptance", "SELECT, INSERT, DELETE"),
        Grant("training_certificate", "SELECT, INSERT, DELETE"),
        Grant("matter_session", "SELECT, INSERT, UPDATE"),
        Grant("device_credential", "SELECT, INSERT, UPDATE"),
        Grant("passkey", "SELECT, INSERT, UPDATE, DELETE"),
        Grant("passkey_challenge", "SELECT, INSERT, DELETE"),
        Grant("issuer", "SELECT, INSERT, DELETE"),
        Grant("issuer_proposal", "SELECT, INSERT, DELETE"),
        Grant("issuer_login", "SELECT, INSERT, DELETE"),
        Grant("issuer_link", "SELECT, INSERT, DELETE"),
    ),
    routes=(
        router,
        session_routes.router,
        revocations.router,
        terminals.router,
        notice_routes.router,
        second_factors.router,
        matter_routes.router,
        grants_router,
        offices_router,
        orders_router,
        policy_changes_router,
        titles,
        training,
        approvals,
        passkeys,
        issuers,
    ),
    consumes=(Consumes("accounts", (AccessRecorded.topic,), keep_awake, gather=0.5),),
    follows=(Follows(DeviceChanged.topic, follow_devices), Follows(PolicyPublished.topic, follow_policies)),
    emits=(AgencyChanged, PolicyAdopted, AccessRevoked, AccessRecorded, StatedInPublic),
    jobs=(
        Job("renew the signing key", renew_signing_key),
        Job("close unused accounts", close_unused_accounts),
        Job("write notices of what ends", notices.run),
    ),
    policy=SECTIONS,
    settings=AccountsSettings,
    counts=agencies.counts,
    open_counts=("agencies", "vacant_posts"),
    says=statements.says,
)
