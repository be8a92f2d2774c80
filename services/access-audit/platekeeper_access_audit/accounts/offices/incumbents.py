"""Who may act for a post now: the one answer, of which every check of a post and every token is made."""

from platekeeper_access_audit.accounts import agencies, storage
from platekeeper_access_audit.accounts.domain import Account, is_platform
from platekeeper_access_audit.accounts.hands import handlers as hands
from platekeeper_access_audit.accounts.offices import storage as offices
from platekeeper_access_audit.accounts.offices.domain import Incumbent, Post, blocked, held_in_office, over
from platekeeper_access_audit.accounts.policy import ActingPolicy, PostsPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.storage import Term
from platekeeper_common.actions import Action
from platekeeper_common.authorization import not_in_office
from platekeeper_common.caller import Caller, Office
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound, Refused
from platekeeper_common.ids import PLATFORM, AgencyId
from platekeeper_common.policies import Agency
from platekeeper_common.rules import ADMINISTRATOR


async def posts(tx: Tx, here: AccountsRoom, agency: Agency) -> dict[str, Post]:
    """The agency's posts as they stand now, by code."""
    now = here.clock()
    profile = agencies.profile_of(here, agency)
    acting, waiting = profile.section(ActingPolicy), blocked(profile.section(PostsPolicy))
    titles = agencies.posts_of(here, agency)
    terms = await storage.terms(tx, agency.id)
    given = await offices.delegations_in_force(tx, agency.id, now)
    held = {term.post: term for term in terms if term.holds(now)}
    coming = {term.post: term for term in terms if term.since > now}
    left: dict[str, Term] = {}
    for term in terms:
        if term.until is not None and term.until <= now:
            left.setdefault(term.post, term)
    helpers = [] if ADMINISTRATOR in held else await _administrators(tx, agency.id)
    found: dict[str, Post] = {}
    for code, title in titles.items():
        vacant = code not in held
        other = acting.of(code)
        deputies = [held[other]] if vacant and other in held else []
        if vacant and code == ADMINISTRATOR and not (deputies and code in left):
            deputies += helpers
        found[code] = Post(
            code=code,
            title=title,
            holder=held.get(code),
            next=coming.get(code),
            vacant_since=left[code].until if vacant and code in left else None,
            acting_post=other if other in titles else None,
            acting_title=titles.get(other or ""),
            acting=deputies,
            delegations=[one for one in given if one.post == code],
            blocked=waiting if vacant else frozenset(),
        )
    return found


async def post(tx: Tx, here: AccountsRoom, agency: Agency, code: str) -> Post:
    """One of them. Raises NotFound `post_unknown`."""
    known = await posts(tx, here, agency)
    if code not in known:
        raise NotFound(f"the policy names these posts: {', '.join(known)}", code="post_unknown")
    return known[code]


async def who_may(tx: Tx, here: AccountsRoom, agency: Agency, code: str, act: Action) -> list[Incumbent]:
    """Who may do the act for the post now: holder, delegates, while it is vacant who acts. Raises NotFound."""
    return (await post(tx, here, agency, code)).incumbents(act)


async def demand(
    tx: Tx, here: AccountsRoom, by: Caller, act: Action, clause: str, *, code: str = ADMINISTRATOR
) -> Incumbent:
    """In which quality the caller does the act for the post of the own agency.

    Raises Conflict `post_vacant` (B9) when it waits until the post is filled, Refused `not_<post>`.
    """
    agency = await storage.find_agency(tx, by.agency_id)
    return (await post(tx, here, agency, code)).demand(by, act, clause)


async def demand_second_person(tx: Tx, here: AccountsRoom, by: Caller, act: Action, *, beside: str) -> Incumbent:
    """In which quality the caller is a second person of the own agency, `beside` the one who proposed.

    Raises Refused `not_second_person`, Conflict `second_person_beholden` (B2).
    """
    agency = await storage.find_agency(tx, by.agency_id)
    known = await posts(tx, here, agency)
    wanted = agencies.profile_of(here, agency).section(PostsPolicy).second_person
    seconds = [known[code] for code in wanted if code in known]
    for one in (one for post in seconds for one in post.incumbents(act)):
        if one.account_id == by.subject:
            await hands.demand_apart(tx, here, agency, beside, by.subject, "B2")
            return one
    who = ", ".join(post.title for post in seconds)
    detail = f"the second person is one of these in office, or a delegate for {act}: {who}"
    raise Refused(detail, code="not_second_person", clause="B2")


async def offices_of(tx: Tx, here: AccountsRoom, agency_id: AgencyId, account_id: str) -> tuple[Office, ...]:
    """What a token of the account says of posts (B1 to B3)."""
    if agency_id == PLATFORM:
        return ()
    agency = await storage.find_agency(tx, agency_id)
    if agencies.usable(here, agency) is None:
        return ()
    return tuple(office for one in (await posts(tx, here, agency)).values() for office in one.offices(account_id))


async def bound(tx: Tx, here: AccountsRoom, account: Account) -> list[str]:
    """Posts that the account holds or is to hold, or of which acts are delegated to it, now or from later on.

    A suspended or dormant account's too: they are in force again once it is opened.
    """
    now, agency = here.clock(), await storage.find_agency(tx, account.agency_id)
    given = [one for one in await offices.delegations(tx, agency.id) if one.account_id == account.id]
    delegated = {one.post for one in given if one.revoked_at is None and now < one.ends_at}
    known = await posts(tx, here, agency)
    return [code for code, one in known.items() if one.seats(account.id) or code in delegated]


async def demand_over(tx: Tx, here: AccountsRoom, by: Caller, account: Account, act: Action) -> Caller:
    """The caller, in the quality in which they end the account's access, and the offices that hang on it (B2).

    Raises Refused `not_administrator`: the role alone does it to nobody in office.
    """
    if is_platform(by):
        return by
    known = await posts(tx, here, await storage.find_agency(tx, by.agency_id))
    quality = over(known, by, account, act)
    if quality is not None:
        return by.acting_for(quality.office)
    if held := await bound(tx, here, account):
        raise held_in_office(known, account, held)
    if ADMINISTRATOR not in by.roles:
        raise not_in_office(ADMINISTRATOR, act, "B2")
    return by


async def _administrators(tx: Tx, agency_id: AgencyId) -> list[Term]:
    """Who has the role: until the post is filled for the first time, or while its deputy's is vacant too, they act."""
    people = await storage.accounts(tx, agency_id)
    own = [one for one in people if ADMINISTRATOR in one.roles and one.disabled_at is None]
    return [Term(ADMINISTRATOR, one.id, one.name, one.opened_at) for one in own]
