"""Retention's sections of a policy profile: [retention], [canvass], [corrections], and the shared [use] and [audit]."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from platekeeper_common import shared_policy
from platekeeper_common.areas import Area
from platekeeper_common.errors import Refused
from platekeeper_common.periods import CalendarPeriod, Duration
from platekeeper_common.policy import Code, PolicySection, Several, Title, none_when


class RetentionPolicy(PolicySection):
    """The schedule item under which reads and images are kept (clauses F1 to F3)."""

    schedule_item: Code
    """Our name for the item; it stands beside `retain_until` on what it keeps."""
    authority: Title
    """What sets the minimum."""
    minimum: CalendarPeriod
    """F1: nothing is deleted before; only a hold keeps it longer."""
    maximum: Annotated[CalendarPeriod | None, none_when("none")]
    """Longest time that the law lets data be kept; None while no law sets one."""
    clock: Literal["receipt"]
    """F1: the minimum counts from the download to the server, not from the capture."""
    purge: Literal["should", "may"]
    """F3: `should` raises an alarm when a purge is overdue, `may` a reminder."""

    @model_validator(mode="after")
    def _maximum_covers_minimum(self) -> "RetentionPolicy":
        start = datetime(2001, 1, 1, tzinfo=UTC)
        if self.maximum is not None and self.maximum.after(start) < self.minimum.after(start):
            raise ValueError("maximum must not be shorter than minimum")
        return self


class CanvassPolicy(PolicySection):
    """What one person may canvass (clause A6)."""

    area_at_most_km2: Annotated[int, Field(gt=0, le=10_000)]
    """A larger area needs a supervisor."""
    window_at_most: Duration
    """A longer window needs a supervisor."""
    open_for: Duration
    """A canvass closes by itself after so long."""

    def near(self, area: Area) -> bool:
        """Whether the area is one that one person may canvass."""
        return area.square_metres <= self.area_at_most_km2 * 1_000_000

    def brief(self, window: timedelta | None) -> bool:
        """Whether the window is one that one person may canvass; None, open at an end, is not."""
        return window is not None and window <= self.window_at_most


class CorrectionsPolicy(PolicySection):
    """What may be done with what officers say of misread plates (clause J1)."""

    training_export_for: Annotated[Several[Code] | None, none_when("none")]
    """Purposes for which the administrator may take pictures away to train a recogniser by; None: for none (A2)."""

    def demand_training_export(self, purpose: str) -> None:
        """Raise Refused `training_export_not_allowed`, saying what would allow it."""
        if purpose in (self.training_export_for or ()):
            return
        allowed = ", ".join(self.training_export_for or ())
        raise Refused(
            f"your agency's policy lets training data be taken away for {allowed} alone"
            if allowed
            else "no purpose of your agency's policy covers training a recogniser; two persons can change that with"
            " POST /v1/policy-changes: corrections.training_export_for",
            code="training_export_not_allowed",
            clause="A2",
        )


SECTIONS: Mapping[str, type[PolicySection]] = {
    "retention": RetentionPolicy,
    "canvass": CanvassPolicy,
    "corrections": CorrectionsPolicy,
    **shared_policy.SECTIONS,
}
