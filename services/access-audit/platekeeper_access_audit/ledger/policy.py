"""The ledger's sections of a policy profile: [ledger], and the shared [audit]."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from platekeeper_common.periods import Period
from platekeeper_common.policy import PolicySection, Title, none_when
from platekeeper_common.shared_policy import AuditPolicy


class LedgerPolicy(PolicySection):
    """How long access records are kept, how often they are audited, what a breach follows (clauses G3 to G5)."""

    access_years: Annotated[int, Field(ge=1, le=100)]
    """G3: calendar years that an access record is kept."""
    audit_cadence: Literal["monthly", "quarterly", "half-yearly", "yearly"]
    """G4: how often the system is audited."""
    breach_policy: Annotated[Title | None, none_when("none")]
    """G5: what a security or data breach is handled under; None where the manual is silent."""

    @property
    def access_kept(self) -> Period:
        """`access_years` as a period."""
        return Period(self.access_years, "year")


SECTIONS: Mapping[str, type[PolicySection]] = {"ledger": LedgerPolicy, "audit": AuditPolicy}
