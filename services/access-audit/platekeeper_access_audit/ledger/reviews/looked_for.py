"""What the detectors look for by the settings in force, in words for the public (B7)."""

from collections.abc import Mapping
from datetime import timedelta

from platekeeper_access_audit.ledger.policy import AuditsPolicy, Detector, Hours
from platekeeper_access_audit.ledger.reviews.detectors import in_days


def described(detector: Detector, policy: AuditsPolicy, shifts: Mapping[str, Hours]) -> str:
    """What one of them looks for, as the published policy says it."""
    match detector:
        case "repeat_plate":
            return (
                f"one person searches the same plate {policy.repeat_plate_times} times or more within"
                f" {in_days(policy.repeat_plate_within)}, or {policy.repeat_plate_times_one_matter} times when all are"
                " for one matter with a number"
            )
        case "off_shift":
            named = ", ".join(f"{name} {hours.in_words}" for name, hours in shifts.items())
            grace = policy.shift_grace // timedelta(minutes=1)
            return (
                f"a search more than {grace} minutes outside of the shift that was named"
                f" ({named}), or without a shift outside of {policy.unscheduled_hours.in_words}, at an hour that is not"
                f" usual for the person, as it is after {policy.usual_after_days} days"
            )
        case "staff_plate":
            return "a search for the plate of the person's own vehicle or of a colleague's"
        case "no_hit_fishing":
            return (
                f"{policy.fishing_searches} searches or more by one person within a day, {policy.fishing_percent} in a"
                " hundred of which find nothing"
            )
        case "sudden_volume":
            return (
                f"{policy.volume_at_least} searches or more by one person within a day, when that is more than"
                f" {policy.volume_factor} times the person's usual number"
            )
        case "other_agencies":
            return (
                f"{policy.outsiders_at_least} or more searches within seven days at the word of another agency without"
                f" an approved release, or {policy.released_at_least} or more under releases"
            )
