"""Who may do what: the table that the one decision reads.

`RULES` says of each action which roles or which post may do it and what it opens. An action without a rule is allowed
to nobody. `tests/policy/authorization.toml` says the same door by door, and a test compares them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from platekeeper_common.actions import Action


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may do an action. `roles` empty: every person.

    `plate_data`: training, approval, purpose and query are required.
    """

    roles: frozenset[str] = frozenset()
    plate_data: bool = False
    devices: bool = False
    delegable: bool = False
    """A service that acts for a person may too, within the approved request that its token names."""
    across: frozenset[str] = frozenset()
    """The roles that may do it to what is another agency's."""
    words: bool = False
    """Its refusals keep, sealed, what was asked, as those of plate data do: it takes words about why (A4)."""
    locked: bool = False
    """It goes on while the session is locked (G2)."""
    equipment: bool = False
    """It operates cameras and gateways, for which the holder must have been trained (C1)."""
    post: str | None = None
    """Only who acts for that post may, whatever the role; beside it `roles` names who else may (B1 to B3)."""
    above: str | None = None
    """Who acts for this post may too: the one that the holder of `post` answers to."""
    clause: str | None = None
    """The clause that gives it to the post."""


def _roles(*roles: str) -> Rule:
    return Rule(frozenset(roles))


def _of_post(post: str, clause: str, *, platform: bool = False, equipment: bool = False) -> Rule:
    """Who acts for the post; where `platform`, the platform's administrator too, for every agency."""
    also = _PLATFORM if platform else frozenset()
    return Rule(also, across=also, post=post, clause=clause, equipment=equipment)


def _of_heads() -> Rule:
    """The administrator in office and the head of the agency, who help the administrator by role, and the platform."""
    return replace(_of_all(ADMINISTRATOR), post=ADMINISTRATOR, above=AGENCY_HEAD, clause="B2")


def _of_all(*roles: str) -> Rule:
    """These roles; the platform's administrator among them, for every agency."""
    return Rule(frozenset({PLATFORM_ADMINISTRATOR, *roles}), across=_PLATFORM)


def _plate_data(*roles: str, delegable: bool = False, locked: bool = False) -> Rule:
    return Rule(frozenset(roles), plate_data=True, delegable=delegable, locked=locked)


ADMINISTRATOR = "administrator"
"""The post that manages equipment, retention and access (B1, B2), and the role of those who help its holder."""
AGENCY_HEAD = "agency_head"
"""The post whose holder the administrator answers to."""
PLATFORM_ADMINISTRATOR = "platform_administrator"
"""Opens agencies and mends the machinery; belongs to no agency and never sees plate data."""
SERVICE_ACCOUNT = "service"
"""Of an account that a machine signs on with: it opens no plate data, because one account is one person (A3)."""
AUDITOR = "auditor"
"""Only reads, alone and for a time (G4)."""
BY_ITSELF = "by_itself"
"""Nobody's role: of what a service does because the policy says so, and no caller can ask for."""
ROLES = (
    "administrator",
    "officer",
    "dispatcher",
    "investigator",
    "internal_affairs",
    "supervisor",
    "auditor",
    "trainer",
    SERVICE_ACCOUNT,
)
"""The roles that an agency's administrator can give."""

ADMINISTRATIVE = "administrative"
"""The matter type that one role alone may use plate data for (A8)."""
_PLATFORM = frozenset({PLATFORM_ADMINISTRATOR})
_READERS = ("officer", "dispatcher", "investigator")
_REVIEWERS = ("administrator", "auditor", "supervisor")
_SEARCHERS = (*_READERS, "internal_affairs")
_CHOOSERS = (*_SEARCHERS, "supervisor", "administrator", "auditor")
_RELEASERS = ("administrator", "dispatcher", "investigator")

RULES: Mapping[Action, Rule] = {
    Action.LOGIN: Rule(),
    Action.SESSION_REFRESH: Rule(),
    Action.SESSION_UNLOCK: Rule(),
    Action.SESSION_END: Rule(),
    Action.TOKEN_EXCHANGE: Rule(),
    # Those for whom the policy has a purpose; what they may then do is asked again at each door.
    Action.MATTER_CHOOSE: Rule(frozenset(_CHOOSERS), words=True),
    Action.MATTER_VIEW: Rule(),
    Action.MATTER_END: Rule(),
    Action.MATTER_NUMBER: Rule(frozenset(_CHOOSERS), words=True),
    Action.AGENCY_OPEN: _of_all(),
    Action.AGENCY_GO_LIVE: _of_all(),
    Action.AGENCY_CLOSE: _of_all(),
    Action.AGENCY_REVOKE: _of_all("administrator"),
    Action.AGENCY_VIEW: Rule(across=_PLATFORM),
    Action.ACCOUNT_OPEN: _of_post(ADMINISTRATOR, "B2", platform=True),
    Action.ACCOUNT_DISABLE: _of_heads(),
    Action.ACCOUNT_SUSPEND: _of_heads(),
    Action.ACCOUNT_RESET: _of_all("administrator"),
    Action.ACCOUNT_VIEW: _of_all("administrator", "auditor", "trainer"),
    Action.ACCOUNT_REVOKE: _of_all("administrator"),
    Action.ACCOUNT_UNLOCK: _of_all("administrator"),
    Action.SECOND_FACTOR_ENROL: Rule(),
    Action.PASSKEY_REGISTER: Rule(),
    Action.PASSKEY_VIEW: Rule(),
    Action.PASSKEY_REMOVE: Rule(),
    # Whoever it vouches for is let in as that person.
    Action.ISSUER_REGISTER: _of_post(ADMINISTRATOR, "B2"),
    # Every person, as of roles: who acts for a post that may be the second person (B2).
    Action.ISSUER_CONFIRM: Rule(),
    Action.ISSUER_PROPOSAL_VIEW: Rule(),
    Action.ISSUER_VIEW: _of_all("administrator", "auditor"),
    # The platform's too: who turned passwords off and lost the issuer could not come in to change it.
    Action.ISSUER_REMOVE: _of_all("administrator"),
    Action.NOTICE_GIVE: Rule(),
    Action.NOTICES_READ: Rule(),
    Action.POST_FILL: _of_post(ADMINISTRATOR, "B3", platform=True),
    Action.POST_VIEW: Rule(across=_PLATFORM),
    # Every person: only who holds the post delegates (B3).
    Action.POST_DELEGATE: Rule(),
    Action.ROLES_CHANGE: _of_post(ADMINISTRATOR, "B2"),
    # Every person, as below: who acts for a post that may be the second person (B2).
    Action.ROLES_CONFIRM: Rule(),
    Action.POLICY_CHANGE_PROPOSE: _of_post(ADMINISTRATOR, "B2"),
    # Every person: who acts for a post that may be the second person (B2).
    Action.POLICY_CHANGE_CONFIRM: Rule(),
    Action.POLICY_CHANGE_VIEW: Rule(),
    # Every person: who acts for a post that signs (B10).
    Action.PURGE_ORDER_DRAFT: Rule(),
    Action.PURGE_ORDER_SIGN: Rule(),
    Action.PURGE_ORDER_VIEW: Rule(),
    Action.TRAINING_CERTIFY: _roles("administrator", "trainer"),
    Action.TRAINING_VIEW: _roles("administrator", "auditor", "trainer"),
    Action.COURSE_EDIT: _roles("administrator", "trainer"),
    Action.NOTICE_VIEW: Rule(),
    Action.COURSE_VIEW: Rule(across=_PLATFORM),
    Action.TITLE_EDIT: _of_post(ADMINISTRATOR, "B5"),
    Action.TITLE_VIEW: Rule(across=_PLATFORM),
    Action.ACCESS_APPROVE: _of_post(ADMINISTRATOR, "A8", platform=True),
    Action.APPROVAL_VIEW: _of_all("administrator", "auditor"),
    Action.ACCOUNT_SEPARATE: _of_heads(),
    Action.RECORDS_VIEW: _roles(PLATFORM_ADMINISTRATOR, "administrator", "auditor"),
    Action.CHECKPOINT_VIEW: _roles(PLATFORM_ADMINISTRATOR, "administrator", "auditor", SERVICE_ACCOUNT),
    Action.RECORDS_PROVE: _roles(PLATFORM_ADMINISTRATOR, "administrator", "auditor", SERVICE_ACCOUNT),
    Action.REVIEW_VIEW: _roles(*_REVIEWERS),
    Action.REVIEW_SETTLE: _roles(*_REVIEWERS),
    Action.ALERT_VIEW: _roles("administrator", "auditor"),
    Action.ALERT_ACKNOWLEDGE: _roles("administrator"),
    Action.STAFF_PLATE_EDIT: _roles("administrator"),
    Action.STAFF_PLATE_VIEW: _roles("administrator", "auditor"),
    Action.AUDIT_WATCH: _roles(BY_ITSELF),
    Action.AUDIT_VIEW: _roles(*_REVIEWERS),
    Action.AUDIT_REVIEW: _roles(*_REVIEWERS),
    Action.AUDIT_SIGN_OFF: _roles("administrator", "auditor"),
    # The published text: whoever is watched may know how (B7).
    Action.MONITORING_PLAN_VIEW: _roles(*_REVIEWERS, *_READERS, "trainer"),
    Action.MONITORING_REPORT_VIEW: _roles(*_REVIEWERS),
    Action.BREACH_EDIT: _roles("administrator"),
    Action.BREACH_VIEW: _roles("administrator", "auditor"),
    Action.DEVICE_REGISTER: _of_post(ADMINISTRATOR, "B1", equipment=True),
    # Who searched this plate: the question names a plate, and so does the answer (G3, G4).
    Action.RECORDS_TRACE: _plate_data("administrator", "auditor"),
    # Whoever tries is refused, by the route itself: an attempt on the log leaves a record (G3).
    Action.RECORDS_ALTER: Rule(),
    Action.RECORDS_EXPIRE: _roles(BY_ITSELF),
    Action.DEVICE_VIEW: _roles("administrator", "auditor"),
    Action.DEVICE_MOVE: _of_post(ADMINISTRATOR, "B1", equipment=True),
    Action.DEVICE_CALIBRATE: _of_post(ADMINISTRATOR, "B1", equipment=True),
    Action.DEVICE_RETIRE: _of_post(ADMINISTRATOR, "B1", equipment=True),
    Action.DEVICE_REVOKE: _roles("administrator"),
    Action.TERMINAL_REGISTER: _of_post(ADMINISTRATOR, "B1"),
    Action.TERMINAL_VIEW: _roles("administrator", "auditor"),
    Action.TERMINAL_RETIRE: _of_post(ADMINISTRATOR, "B1"),
    Action.FRAME_POST: Rule(devices=True),
    Action.READS_POST: Rule(devices=True),
    Action.HOTLIST_EDIT: _plate_data("administrator", "investigator", "dispatcher"),
    Action.HOTLIST_VIEW: _plate_data("administrator", "auditor", *_READERS),
    Action.HITS_STREAM: _plate_data(*_READERS, locked=True),
    Action.HITS_VIEW: _plate_data(*_READERS),
    Action.SEARCH: _plate_data(*_SEARCHERS, delegable=True),
    Action.READ_VIEW: _plate_data(*_SEARCHERS, delegable=True),
    Action.IMAGE_VIEW: _plate_data(*_SEARCHERS, delegable=True),
    # Whoever may see a read may say what is wrong with it (J1).
    Action.READ_CORRECT: _plate_data(*_SEARCHERS),
    Action.ACCURACY_VIEW: _roles("supervisor", "administrator", "auditor"),
    # It takes plate data away, beside the retention and the access that the post answers for.
    Action.CORRECTIONS_EXPORT: Rule(plate_data=True, post=ADMINISTRATOR, clause="B2"),
    Action.PARTIAL_REPORT: _plate_data(*_READERS),
    Action.PARTIAL_VIEW: _plate_data(*_READERS, "supervisor", "auditor"),
    Action.PARTIAL_SETTLE: _plate_data("investigator", "supervisor"),
    Action.CANVASS_OPEN: _plate_data("investigator"),
    Action.CANVASS_VIEW: _roles("investigator", "supervisor", "administrator", "auditor"),
    Action.CANVASS_APPROVE: _plate_data("supervisor"),
    Action.CANVASS_CLOSE: _plate_data("investigator", "supervisor"),
    Action.CANVASS_SEARCH: _plate_data("investigator"),
    Action.RECIPIENT_EDIT: _roles("administrator"),
    Action.RECIPIENT_VIEW: _roles("administrator", "auditor", *_READERS),
    Action.RELEASE_RECEIVE: _plate_data(*_RELEASERS),
    Action.RELEASE_VIEW: _plate_data("administrator", "auditor", *_READERS),
    # Every trained person: who holds the approving post decides, whatever the role (I3).
    Action.RELEASE_DECIDE: _plate_data(),
    Action.RELEASE_FULFIL: _plate_data(*_RELEASERS),
    Action.RELEASE_HAND_OUT: _plate_data(*_RELEASERS),
    # No door does it: each service looks by itself (G1).
    Action.BASELINE_CHECK: _roles(BY_ITSELF),
    Action.POLICY_DRAFT: _of_post(ADMINISTRATOR, "B4"),
    Action.POLICY_PUBLISH: _of_post(ADMINISTRATOR, "B4"),
    # Within a sign-on (B4).
    Action.POLICY_ACCEPT: Rule(),
    Action.POLICY_VIEW: _roles("administrator", "auditor", "trainer"),
    # No door does it: publication looks at the agency's website once a day (B11).
    Action.POLICY_CHECK: _roles(BY_ITSELF),
    Action.DEAD_LETTERS_VIEW: _of_all(),
    Action.DEAD_LETTERS_RETRY: _of_all(),
    Action.DEAD_LETTERS_DISCARD: _of_all(),
    # No door does it: each service's worker does when the bus has forgotten the event too (F1).
    Action.DEAD_LETTERS_FORGET: _roles(BY_ITSELF),
}


RECEIVE_ONLY = frozenset(action for action, rule in RULES.items() if rule.locked)
"""All that a locked session's token does, and what keeps no session awake (G2)."""


AUDITORS_WORK = frozenset({Action.REVIEW_SETTLE, Action.AUDIT_REVIEW, Action.AUDIT_SIGN_OFF})
"""All that an auditor does besides looking: to say what an audit found (G4)."""


def opens_plate_data(roles: Collection[str]) -> bool:
    """Whether some of the roles do something that opens plate data."""
    return any(rule.plate_data and rule.roles & set(roles) for rule in RULES.values())
