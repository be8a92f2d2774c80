"""Accounts' sections of a policy profile: [accounts] and [sessions]."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import Field

from platekeeper_common.periods import Duration
from platekeeper_common.policy import PolicySection, Title, none_when


class AccountsPolicy(PolicySection):
    """Which posts carry the programme (clauses B1, B2, C3, E1)."""

    administrator: Title
    """B1, B2: manages equipment, retention and access."""
    collection_steward: Title
    """E1: answers for proper collection and retention."""
    training_owner: Annotated[Title | None, none_when("none")]
    """C3: sees to it that members are trained; None where the manual names nobody."""

    @property
    def certifier(self) -> str:
        """The one post that issues training certificates: the training owner, or else the administrator (C3)."""
        return self.training_owner or self.administrator


class SessionsPolicy(PolicySection):
    """How people sign on, and how long it lasts (clauses A3, G2)."""

    second_factor: Literal["once_live", "always"]
    """From when plate data and new devices need one: once the agency is live, or in test already."""
    idle_lock: Duration
    """A session in which nobody has acted for so long is locked."""
    reauthenticate_after: Duration
    """Then a person signs on again, however busy."""
    dormant_after: Duration
    """An account with which nobody has signed on for so long is disabled."""
    lock_after_failures: Annotated[int, Field(ge=1, le=100)]
    """Failed logins that lock a username; the strictest of the installed profiles counts, whoever has the name."""
    implausible_speed: Annotated[int, Field(ge=1)]
    """Kilometres an hour: who would have travelled faster between two terminals is hardly the same person (A3)."""
    implausible_beyond: Annotated[int, Field(ge=0)]
    """Kilometres: terminals that lie no farther apart are used together."""
    lock_within: Duration
    """Within which they fall, and for how long after the last the username stays locked; counted likewise."""


def strictest(several: Iterable[SessionsPolicy]) -> SessionsPolicy:
    """What no profile is stricter than, figure by figure: for those who belong to no agency, or are not known yet."""
    policies = list(several)
    return SessionsPolicy(
        second_factor="always" if any(one.second_factor == "always" for one in policies) else "once_live",
        idle_lock=min(one.idle_lock for one in policies),
        reauthenticate_after=min(one.reauthenticate_after for one in policies),
        dormant_after=min(one.dormant_after for one in policies),
        lock_after_failures=min(one.lock_after_failures for one in policies),
        implausible_speed=min(one.implausible_speed for one in policies),
        implausible_beyond=min(one.implausible_beyond for one in policies),
        lock_within=max(one.lock_within for one in policies),
    )


SECTIONS: Mapping[str, type[PolicySection]] = {"accounts": AccountsPolicy, "sessions": SessionsPolicy}
