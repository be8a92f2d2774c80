"""Accounts' section of a policy profile: [accounts]."""

from collections.abc import Mapping
from typing import Annotated

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


SECTIONS: Mapping[str, type[PolicySection]] = {"accounts": AccountsPolicy}
