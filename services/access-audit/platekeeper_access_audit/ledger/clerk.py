"""The ledger's own hand: what it does by itself stands in access records under its name."""

from datetime import datetime

from platekeeper_common.caller import Caller
from platekeeper_common.ids import AgencyId

SUBJECT = "service:ledger"


def clerk(agency_id: AgencyId, now: datetime) -> Caller:
    """The ledger's worker as the one who did something to what is the agency's."""
    return Caller(
        kind="device",
        subject=SUBJECT,
        agency_id=agency_id,
        username="ledger",
        name="Ledger",
        organisation="",
        issued_at=now,
        expires_at=now,
    )
