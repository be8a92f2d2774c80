"""Release's section of a policy profile: [release]."""

from collections.abc import Mapping
from typing import Literal

from platekeeper_common.policy import PolicySection, Several, Title


class ReleasePolicy(PolicySection):
    """By which routes data may go to another agency, and who answers everybody else (clauses I2 to I7)."""

    routes: Several[Literal["request", "agreement", "verified_agency"]]
    """`request`: a written request approved beforehand (I2, I3); `agreement`: a standing agreement (I5);
    `verified_agency`: at any time to a verified agency and official (I6)."""
    non_le_owner: Title
    """Whom, or under which policy, requests go to that are not law enforcement's (I7)."""


SECTIONS: Mapping[str, type[PolicySection]] = {"release": ReleasePolicy}
