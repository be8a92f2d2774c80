"""Release's sections of a policy profile: [release], and the shared [use] and [audit]."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import model_validator

from platekeeper_common import shared_policy
from platekeeper_common.policy import PolicySection, Several, Title, none_when

Route = Literal["request", "agreement", "verified_agency"]
"""`request`: a written request approved beforehand (I2, I3); `agreement`: a standing agreement (I5);
`verified_agency`: at any time to a verified agency and official (I6).
"""


class ReleasePolicy(PolicySection):
    """By which routes data may go to another agency, and who answers everybody else (clauses I2 to I7)."""

    routes: Several[Route]
    """By which routes data may go out."""
    approver: Annotated[Literal["administrator", "collection_steward"] | None, none_when("none")]
    """I3: the post whose holder decides on requests; None where no request is received."""
    non_le_owner: Title
    """Whom, or under which policy, requests go to that are not law enforcement's (I7)."""

    @model_validator(mode="after")
    def _somebody_decides(self) -> "ReleasePolicy":
        if ("request" in self.routes) != (self.approver is not None):
            raise ValueError("approver must be named where, and only where, routes holds request (clause I3)")
        return self


SECTIONS: Mapping[str, type[PolicySection]] = {"release": ReleasePolicy, **shared_policy.SECTIONS}
