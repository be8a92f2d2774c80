"""Publication's section of a policy profile: [publication], and the shared [use]."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from platekeeper_common import shared_policy
from platekeeper_common.policy import PolicySection


class PublicationPolicy(PolicySection):
    """How the department shows itself to the public (clauses H2, H3)."""

    minimum_cell: Annotated[int, Field(ge=2, le=1_000)]
    """H2: counts of what happened to people and vehicles are not shown below it."""
    privacy_statement: bool
    """H3: whether the manual recognises the public's privacy rights: the page then says what is not gathered."""


SECTIONS: Mapping[str, type[PolicySection]] = {
    "publication": PublicationPolicy,
    "use": shared_policy.UsePolicy,
    "audit": shared_policy.AuditPolicy,
}
