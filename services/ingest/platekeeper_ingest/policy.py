"""Ingest's section of a policy profile: [ingest]."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import model_validator

from platekeeper_common.periods import Duration
from platekeeper_common.policy import PolicySection, none_when


class IngestPolicy(PolicySection):
    """How fresh a read must be for a live alert, and how often cars hand over what they hold (clause E2)."""

    live_alert_max_age: Duration
    """A read captured longer ago is late: a matter for investigators, never a live alert."""
    vehicle_transfer_within: Annotated[Duration | None, none_when("own procedure")]
    """Longest time between two transfers from a vehicle; None where the department's own procedures say it."""
    vehicle_transfer_warning: Annotated[Duration | None, none_when("none")]
    """The steward is warned this long after a vehicle's last transfer."""

    @model_validator(mode="after")
    def _warning_comes_before_the_breach(self) -> "IngestPolicy":
        within, warning = self.vehicle_transfer_within, self.vehicle_transfer_warning
        if (within is None) != (warning is None):
            raise ValueError("vehicle_transfer_within and vehicle_transfer_warning are given together or not at all")
        if within is not None and warning is not None and warning >= within:
            raise ValueError("vehicle_transfer_warning must be shorter than vehicle_transfer_within")
        return self


SECTIONS: Mapping[str, type[PolicySection]] = {"ingest": IngestPolicy}
