"""The rules of accounts: who may log in, with what, who may open, fill and certify what."""

import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyotp

from platekeeper_access_audit.accounts.policy import AccountsPolicy, PostsPolicy, SessionsPolicy
from platekeeper_common.actions import Action
from platekeeper_common.authorization import decide
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Conflict, Invalid, NotFound, PlatekeeperError, Refused, Unauthenticated
from platekeeper_common.ids import AgencyId
from platekeeper_common.policies import Agency
from platekeeper_common.rules import AUDITOR, PLATFORM_ADMINISTRATOR, ROLES, SERVICE_ACCOUNT

DORMANT, EXPIRED, SUSPENDED = "dormant", "expired", "suspended"
"""Why an account is shut by the platform itself, or only for now; a reset opens a dormant or suspended one again."""
SHORTEST_PASSWORD = 12
SECOND_FACTOR_PERIOD = 30
"""Seconds that one code is shown (RFC 6238)."""

Mode = Literal["test", "live", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One person's account (clause A3: one account is one person)."""

    id: str
    agency_id: AgencyId
    username: str
    name: str
    title: str
    roles: tuple[str, ...]
    password_hash: str
    must_change: bool
    """The password is a one-time one."""
    opened_at: datetime
    synthetic: bool
    totp_secret: bytes | None = None
    """Wrapped by the key store; counts for nothing before `totp_confirmed`."""
    totp_confirmed: bool = False
    totp_last_step: int = 0
    """The period of the last code that was taken: a code works once."""
    disabled_at: datetime | None = None
    disabled_because: str | None = None
    """`dormant`, `expired`, `suspended`; None: an administrator disabled it, and for good."""
    last_signed_on_at: datetime | None = None
    valid_until: datetime | None = None
    """A dated account ends then: an outside auditor's, a contractor's (B5)."""
    separated_at: datetime | None = None
    """When the person left the department (A8)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody types at login."""

    username: str
    password: str
    code: str | None = None
    new_password: str | None = None
    recovery_code: str | None = None
    """In place of `code`."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether credentials open the account. `refusal` None: they do, and `step` is the period of the code, if any.

    `failed`: it counts towards the lock.
    """

    refusal: PlatekeeperError | None = None
    failed: bool = False
    step: int | None = None
    recovery: bool = False
    """A recovery code stands for the second factor, if it is one."""


def locked(attempts: Sequence[datetime], rule: SessionsPolicy, now: datetime) -> bool:
    """Whether the latest attempts without success lock the username: so many within one window, the last within one."""
    latest, window = sorted(attempts)[-rule.lock_after_failures :], rule.lock_within
    full = len(latest) == rule.lock_after_failures
    return full and latest[-1] - latest[0] < window and now < latest[-1] + window


def judge(
    account: Account, asked: Credentials, *, right: bool, off: bool, secret: str | None, now: datetime
) -> Judgement:
    """Whether the credentials open the account. `right`: the password is; `off`: its agency logs in without any;
    `secret`: the open second factor, if any.

    Nothing about the account is told before the password is right.
    """
    if account.disabled_at is not None or not right:
        return Judgement(credentials_wrong(), failed=True)
    if off:
        detail = "your agency logs in through its own issuer; the login page has the link"
        return Judgement(Refused(detail, code="password_login_off", clause="G2"))
    if (refusal := _password_refusal(account, asked)) is not None:
        return Judgement(refusal)
    if secret is None:
        return Judgement()
    if asked.code is None and asked.recovery_code is not None:
        return Judgement(recovery=True)
    try:
        return Judgement(step=demand_code(secret, asked.code, after=account.totp_last_step, now=now))
    except Unauthenticated as error:
        return Judgement(error, failed=error.code == "second_factor_wrong")


def second_factor_wrong() -> Unauthenticated:
    """The answer to a code or a recovery code that does not fit."""
    detail = "the code is wrong, too old, or was used before"
    return Unauthenticated(detail, code="second_factor_wrong", clause="G2")


def _password_refusal(account: Account, asked: Credentials) -> PlatekeeperError | None:
    new = asked.new_password
    if new is None:
        if not account.must_change:
            return None
        detail = "the password works once; log in again with new_password"
        return Refused(detail, code="password_change_required", clause="G2")
    if len(new) < SHORTEST_PASSWORD:
        return Invalid(f"a password has at least {SHORTEST_PASSWORD} characters", code="password_too_short")
    if hmac.compare_digest(new.encode(), asked.password.encode()):
        return Invalid("the new password must be another than the old one", code="password_reused")
    return None


def credentials_wrong() -> Unauthenticated:
    """The one answer to an unknown username, a disabled account and a wrong password."""
    return Unauthenticated("username or password is wrong", code="credentials_wrong", clause="G2")


def demand_code(secret: str, code: str | None, *, after: int, now: datetime) -> int:
    """The period of the code. Raises Unauthenticated `second_factor_required` or `second_factor_wrong`."""
    if code is None:
        detail = "give the code of your second factor too"
        raise Unauthenticated(detail, code="second_factor_required", clause="G2")
    step = code_step(secret, code, after=after, now=now)
    if step is None:
        raise second_factor_wrong()
    return step


def code_step(secret: str, code: str, *, after: int, now: datetime) -> int | None:
    """The period (RFC 6238 T) whose code this is, later than `after` and at most one off; None when there is none."""
    current = int(now.timestamp()) // SECOND_FACTOR_PERIOD
    codes = pyotp.HOTP(secret)
    fitting = (step for step in (current, current - 1, current + 1) if hmac.compare_digest(codes.at(step), code))
    return next((step for step in fitting if step > after), None)


def posts(policy: AccountsPolicy, more: PostsPolicy) -> dict[str, str]:
    """The posts that the department has, by code, with their titles (clauses B1, B9, B10, C3, E1, I7)."""
    named = {
        "administrator": policy.administrator,
        "collection_steward": policy.collection_steward,
        "training_owner": policy.training_owner,
        "agency_head": more.agency_head,
        "custodian_of_records": more.custodian_of_records,
        "records_supervisor": more.records_supervisor,
        "agency_attorney": more.agency_attorney,
    }
    return {code: title for code, title in named.items() if title is not None}


def demand_roles(roles: Collection[str]) -> None:
    """Raise Invalid `role_unknown` unless an agency gives every role, `role_alone` for a machine with others (A3)."""
    if not roles or set(roles) - set(ROLES):
        raise Invalid(f"roles must be one or more of {', '.join(ROLES)}", code="role_unknown")
    if SERVICE_ACCOUNT in roles and len(set(roles)) > 1:
        detail = f"an account is a person's or a machine's: the role {SERVICE_ACCOUNT} stands alone"
        raise Invalid(detail, code="role_alone", clause="A3")


def demand_dated_auditor(roles: Collection[str], valid_until: datetime | None, now: datetime) -> None:
    """An auditor only reads, and for a time (G4).

    Raises Invalid `auditor_alone` for one with another role, `auditor_undated` for an account without an end to come.
    """
    if AUDITOR not in roles:
        return
    if len(set(roles)) > 1:
        raise Invalid("an auditor only reads: the role stands alone", code="auditor_alone", clause="G4")
    if valid_until is None or valid_until <= now:
        raise Invalid(
            "an auditor's account ends by itself: say until when, in `valid_until`", code="auditor_undated", clause="G4"
        )


def demand_time_zone(name: str) -> None:
    """Raise Invalid `time_zone_unknown` unless it is in the IANA time zone database."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        detail = "the time zone must be a name like America/Los_Angeles"
        raise Invalid(detail, code="time_zone_unknown") from error


def is_platform(by: Caller) -> bool:
    """Whether the caller administers the platform rather than an agency."""
    return PLATFORM_ADMINISTRATOR in by.roles


def agency_for(by: Caller, asked: str | None, action: Action) -> AgencyId:
    """The agency whose matters the caller means: the own one, or for the platform's administrator the one asked for.

    Raises Invalid when the platform's administrator names none, NotFound when others name a strange one: they are not
    told whether it exists.
    """
    if asked is None:
        if is_platform(by):
            raise Invalid("say which agency is meant: agency_id", code="agency_required")
        return by.agency_id
    owner = AgencyId(asked)
    try:
        decide(by, action, owner=owner)
    except Refused as refusal:
        raise NotFound(f"no agency {asked}", code="agency_unknown") from refusal
    return owner


def demand_opener(by: Caller, roles: Collection[str], *, has_administrator: bool) -> None:
    """Raise Refused `not_administrator` when the platform's administrator opens more than an agency's first (B2)."""
    if is_platform(by) and (has_administrator or set(roles) != {"administrator"}):
        detail = "the platform opens an agency's first administrator; the agency opens all others"
        raise Refused(detail, code="not_administrator", clause="B2")


def demand_filler(by: Caller, post: str, *, held: bool) -> None:
    """Raise Refused `not_administrator` when the platform fills more than a vacant post of administrator (B2, B3)."""
    if is_platform(by) and (held or post != "administrator"):
        detail = "the platform fills a vacant post of administrator; the agency fills all others"
        raise Refused(detail, code="not_administrator", clause="B2")


def demand_resetter(by: Caller, account: Account) -> None:
    """Raise Refused `not_administrator` when the platform resets one who is no administrator (B2)."""
    if is_platform(by) and not {"administrator", PLATFORM_ADMINISTRATOR} & set(account.roles):
        raise Refused("the agency's administrator resets this account", code="not_administrator", clause="B2")


def demand_other(by: Caller, account: Account) -> None:
    """Raise Conflict `own_account`: nobody shuts the own account, or the last administrator would."""
    if by.subject == account.id:
        raise Conflict("another administrator does this to your account", code="own_account")


def demand_synthetic_allowed(agencies: Collection[Agency]) -> None:
    """Raise Conflict `live_agency_present`: invented people and real plates do not share a platform."""
    if any(agency.mode == "live" for agency in agencies):
        raise Conflict("no demonstration beside a live agency", code="live_agency_present")


def demand_can_go_live(agency: Agency, *, demonstration: bool) -> None:
    """Raise Conflict unless the agency is real, in test, and no demonstration is left on the platform."""
    if agency.mode != "test":
        raise Conflict(f"the agency is {agency.mode}, not in test", code="agency_not_in_test")
    if agency.synthetic:
        raise Conflict("a demonstration never goes live", code="agency_synthetic")
    if demonstration:
        detail = "close every demonstration agency first"
        raise Conflict(detail, code="demonstration_present")


def demand_open(agency: Agency) -> None:
    """Raise Conflict `agency_closed`."""
    if agency.mode == "closed":
        raise Conflict("the agency is closed", code="agency_closed")


def demand_post(known: Mapping[str, str], post: str) -> None:
    """Raise NotFound `post_unknown` unless the agency's policy names the post."""
    if post not in known:
        raise NotFound(f"the policy names these posts: {', '.join(known)}", code="post_unknown")


def demand_enabled(account: Account) -> None:
    """Raise Conflict `account_disabled`; who has left the department has no account that is enabled (A8)."""
    if account.disabled_at is not None or account.separated_at is not None:
        raise Conflict("the account is disabled", code="account_disabled")


def demand_valid(account: Account, now: datetime) -> None:
    """Raise Refused `account_expired` when the account's time is over (B5)."""
    if account.valid_until is not None and now >= account.valid_until:
        detail = "the account's time is over; the administrator gives it a new end at PUT /v1/accounts/{id}/access"
        raise Refused(detail, code="account_expired", clause="B5")


def dormant(account: Account, after: timedelta, now: datetime) -> bool:
    """Whether nobody has signed on with the account for so long."""
    return now - max(account.opened_at, account.last_signed_on_at or account.opened_at) >= after


def demand_awake(account: Account, after: timedelta, now: datetime) -> None:
    """Raise Refused `account_dormant` (G2)."""
    if dormant(account, after, now):
        detail = f"nobody has signed on with this account for {after.days} days; an administrator's reset opens it"
        raise Refused(detail, code="account_dormant", clause="G2")
