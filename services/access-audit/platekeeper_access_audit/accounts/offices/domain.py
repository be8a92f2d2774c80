"""The rules of posts: what belongs to which, who acts for one now, and who may fill and delegate it (B1 to B3, B9)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from platekeeper_access_audit.accounts.domain import Account
from platekeeper_access_audit.accounts.policy import Blocked, PostsPolicy
from platekeeper_access_audit.accounts.storage import Term
from platekeeper_common.actions import Action
from platekeeper_common.authorization import not_in_office
from platekeeper_common.caller import Caller, Office
from platekeeper_common.errors import Conflict, Invalid, Refused
from platekeeper_common.rules import ADMINISTRATOR, AGENCY_HEAD, RULES, SERVICE_ACCOUNT

SECOND_PERSON = frozenset({Action.POLICY_CHANGE_CONFIRM, Action.ROLES_CONFIRM, Action.ISSUER_CONFIRM})
"""What a post does as the second person; whether it is one, `second_person` of the policy says (B2)."""
ACTS: Mapping[str, frozenset[Action]] = {
    ADMINISTRATOR: frozenset(
        {action for action, rule in RULES.items() if rule.post == ADMINISTRATOR}
        | {Action.RELEASE_DECIDE, Action.PURGE_ORDER_SIGN, Action.TRAINING_CERTIFY, Action.COURSE_EDIT}
        | {Action.NOTICE_VIEW, Action.ACCOUNT_RESET}
        | SECOND_PERSON
    ),
    "collection_steward": frozenset({Action.RELEASE_DECIDE}) | SECOND_PERSON,
    "custodian_of_records": frozenset({Action.PURGE_ORDER_SIGN}) | SECOND_PERSON,
    AGENCY_HEAD: frozenset({action for action, rule in RULES.items() if rule.above == AGENCY_HEAD}) | SECOND_PERSON,
    "training_owner": frozenset({Action.TRAINING_CERTIFY, Action.COURSE_EDIT, Action.NOTICE_VIEW}),
}
"""What belongs to a post and can be delegated; other posts are shown and sign nothing here yet."""
BLOCKS: Mapping[Blocked, Action] = {
    "release_approval": Action.RELEASE_DECIDE,
    "purge": Action.PURGE_ORDER_SIGN,
}
"""The act behind each word of `vacancy_blocks`."""
Basis = Literal["holder", "delegate", "acting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """A post's holder lets somebody else do some of its acts for a time (B3)."""

    id: str
    agency_id: str
    post: str
    account_id: str
    name: str
    """Of the person, today."""
    acts: tuple[str, ...]
    begins_at: datetime
    ends_at: datetime
    given_by: str
    given_at: datetime
    revoked_at: datetime | None = None

    def in_force(self, now: datetime) -> bool:
        """Whether it has begun, has not ended, and nobody took it back."""
        return self.begins_at <= now < self.ends_at and self.revoked_at is None


@dataclass(frozen=True, slots=True)
class Incumbent:
    """Somebody who may act for a post now."""

    account_id: str
    name: str
    basis: Basis
    office: Office
    delegation_id: str | None = None

    @property
    def by_role(self) -> bool:
        """Whether the role alone lets somebody act for the administrator's post, which nobody holds."""
        return self.office.authority == f"vacancy:{ADMINISTRATOR}" and self.office.post == ADMINISTRATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post of an agency as it stands: its holder, or since when it is vacant and who acts."""

    code: str
    title: str
    holder: Term | None
    next: Term | None
    """The term that begins later, if one is set."""
    vacant_since: datetime | None
    """None: held, or never held yet."""
    acting_post: str | None
    """Whose holder acts while this one is vacant, as the policy says."""
    acting_title: str | None
    acting: Sequence[Term] = ()
    """Who acts now; nobody while the post is held."""
    delegations: Sequence[Delegation] = ()
    """Those in force."""
    blocked: frozenset[Action] = frozenset()
    """What waits until it is filled; nothing while it is held."""

    def incumbents(self, act: Action) -> list[Incumbent]:
        """Who may do the act for this post now: its holder, delegates, while it is vacant who acts (B1 to B3, B9)."""
        if act in self.blocked or act not in ACTS.get(self.code, frozenset()):
            return []
        held = [self.holder] if self.holder else []
        found = [Incumbent(term.account_id, term.name, "holder", Office(self.code)) for term in held]
        found += [Incumbent(term.account_id, term.name, "acting", self._acting(term)) for term in self.acting]
        found += [
            Incumbent(one.account_id, one.name, "delegate", self._delegated(one), one.id)
            for one in self.delegations
            if act in one.acts
        ]
        return found

    def demand(self, by: Caller, act: Action, clause: str) -> Incumbent:
        """In which quality the caller does the act. Raises Conflict `post_vacant` (B9), Refused `not_<post>`."""
        if act in self.blocked:
            raise vacant(self)
        own = [one for one in self.incumbents(act) if one.account_id == by.subject]
        if not own:
            raise not_in_office(self.code, act, clause)
        return own[0]

    def seats(self, account_id: str) -> bool:
        """Whether the account holds the post or is to hold it."""
        return any(term is not None and term.account_id == account_id for term in (self.holder, self.next))

    def offices(self, account_id: str) -> list[Office]:
        """What the account may do for this post, as a token says it: each ends by itself."""
        if self.holder is not None and self.holder.account_id == account_id:
            return [Office(self.code, until=self.holder.until)]
        acting = [self._acting(term) for term in self.acting if term.account_id == account_id][:1]
        return acting + [self._delegated(one) for one in self.delegations if one.account_id == account_id]

    def _acting(self, term: Term) -> Office:
        until = self.next.since if self.next else None
        return Office(self.code, self._acts(), until, f"vacancy:{term.post}")

    def _delegated(self, one: Delegation) -> Office:
        return Office(self.code, self._acts() & frozenset(one.acts), one.ends_at, f"delegation:{one.id}")

    def _acts(self) -> frozenset[str]:
        """What can be done for it by somebody else than its holder."""
        return frozenset(ACTS.get(self.code, frozenset()) - self.blocked)


def blocked(policy: PostsPolicy) -> frozenset[Action]:
    """What the policy lets nobody do for a vacant post."""
    return frozenset(BLOCKS[word] for word in policy.vacancy_blocks)


def vacant(post: Post) -> Conflict:
    """The refusal of what waits until the post is filled; it names who acts meanwhile (B9)."""
    acting = ", ".join(term.name for term in post.acting) or "nobody yet"
    who = f"{post.acting_title} ({acting})" if post.acting_title else acting
    detail = (
        f"nobody is {post.title}; what the post approves waits until it is filled (PUT /v1/posts/{post.code}), "
        f"and for everything else acts meanwhile: {who}"
    )
    return Conflict(
        detail,
        code="post_vacant",
        clause="B9",
        post=post.code,
        vacant_since=_said(post.vacant_since),
        acting_post=post.acting_post,
        acting=[term.account_id for term in post.acting],
    )


def demand_begins(begins: datetime | None, now: datetime) -> datetime:
    """When a term begins: now unless said otherwise. Raises Invalid `term_begins_past`."""
    if begins is not None and begins < now:
        raise Invalid("a term begins now or later: history is not rewritten", code="term_begins_past")
    return begins or now


def demand_no_self_service(quality: Incumbent, administrator: Post, post: Post, account_id: str | None) -> None:
    """Raise Refused `not_administrator` when somebody would take the administrator's post who only acts for it (B3).

    A delegate does not fill it, who acts while it is vacant does not take it, and who does so by the role alone fills
    no post: nobody gains by a vacancy. Before it was ever held somebody must begin.
    """
    if quality.basis == "delegate" and post.code == ADMINISTRATOR:
        detail = f"a delegate does not fill the post of {post.title}; its holder hands it over"
        raise Refused(detail, code="not_administrator", clause="B3")
    if administrator.vacant_since is None:
        return
    filled = "the platform's administrator fills it at PUT /v1/posts/administrator"
    if quality.by_role:
        detail = f"the role alone fills no post once somebody was {administrator.title}: {filled}"
        raise Refused(detail, code="not_administrator", clause="B3")
    if quality.basis == "acting" and post.code == ADMINISTRATOR and quality.account_id == account_id:
        detail = f"who acts for the post of {post.title} does not take it: appoint somebody else, or {filled}"
        raise Refused(detail, code="not_administrator", clause="B3")


def over(known: Mapping[str, Post], by: Caller, account: Account, act: Action) -> Incumbent | None:
    """In which quality the caller ends the account's time in office, the administrator's or the agency head's (B2).

    A delegate, or who acts by the role alone, does it to none who holds the post that they act for or one above it.
    """
    ladder = [known[code] for code in (ADMINISTRATOR, AGENCY_HEAD) if code in known]
    for step, post in enumerate(ladder):
        beyond = any(one.seats(account.id) for one in ladder[step:])
        for one in post.incumbents(act):
            weak = one.basis == "delegate" or one.by_role
            if one.account_id == by.subject and not (weak and beyond):
                return one
    return None


def held_in_office(known: Mapping[str, Post], account: Account, bound: Collection[str]) -> Refused:
    """The refusal to shut the account of somebody in office; it names who may, and what stops it at once (B2)."""
    titles = ", ".join(known[code].title for code in bound)
    head = known[AGENCY_HEAD].title
    if ADMINISTRATOR in bound and known[ADMINISTRATOR].seats(account.id):
        who = f"the {head} in office, or the platform's administrator; or its holder hands the post over first, at "
        who += "PUT /v1/posts/administrator"
    else:
        who = f"the {known[ADMINISTRATOR].title} in office, the {head} in office, or the platform's administrator"
    detail = (
        f"{account.name} holds or acts for the post of {titles}, and the role alone ends no office. That does {who}. "
        f"A stolen account is stopped at once by POST /v1/accounts/{account.id}/suspend, which leaves its posts held"
    )
    return Refused(detail, code="not_administrator", clause="B2", posts=list(bound))


def demand_acts(post: str, acts: Collection[str]) -> None:
    """Raise Invalid `act_not_of_post` naming what belongs to the post."""
    own = sorted(ACTS.get(post, frozenset()))
    if not acts or set(acts) - set(own):
        detail = f"acts of this post that can be delegated: {', '.join(own) or 'none'}"
        raise Invalid(detail, code="act_not_of_post", clause="B3")


def demand_term(begins: datetime, ends: datetime, now: datetime) -> None:
    """Raise Invalid `delegation_dates_wrong` unless it begins now or later, and ends after that."""
    if not now <= begins < ends:
        detail = "a delegation begins now or later and ends after that: nobody had acted for the post before"
        raise Invalid(detail, code="delegation_dates_wrong", clause="B3")


def demand_head(by: Caller, post: Post) -> None:
    """Raise Refused `not_post_holder` unless the caller holds the post, or acts for it while it is vacant (B3, B9)."""
    heads = [post.holder] if post.holder else post.acting
    if not any(term.account_id == by.subject for term in heads):
        raise Refused(
            f"only the {post.title} in office delegates, or who acts while nobody is; a delegate passes nothing on",
            code="not_post_holder",
            clause="B3",
        )


def demand_person(account: Account) -> None:
    """Raise Conflict `not_a_person` for the account of a machine: it holds no post and acts for none (A3)."""
    if SERVICE_ACCOUNT in account.roles:
        detail = f"{account.name} is a machine's account: a person holds a post and acts for it"
        raise Conflict(detail, code="not_a_person", clause="A3")


def demand_another(by: Caller, account_id: str) -> None:
    """Raise Invalid `self_delegation` (B3)."""
    if account_id == by.subject:
        raise Invalid("the holder needs no delegation", code="self_delegation", clause="B3")


def _said(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
