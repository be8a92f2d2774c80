"""Policies that an agency has adopted, as accounts say it on the bus."""

import hashlib
import json
from datetime import datetime
from typing import Any

from standing import AGENCY

from platekeeper_common.events.access import PolicyAdopted
from platekeeper_common.ids import AgencyId
from platekeeper_common.notes import NoteSigner


def said(
    signer: NoteSigner, number: int, document: dict[str, Any], at: datetime, agency_id: AgencyId = AGENCY
) -> PolicyAdopted:
    """A version as accounts say it."""
    text = json.dumps(document)
    digest = hashlib.sha256(text.encode()).hexdigest()
    signed = {"agency": agency_id, "number": number, "origin": "adopted", "version": "said", "sha256": digest}
    signed |= {"previous": "none", "adopted-at": at.isoformat(), "proposed-by": "boss", "confirmed-by": "none"}
    note = signer.sign("platekeeper policy v1\n" + "".join(f"{name} {value}\n" for name, value in signed.items()))
    return PolicyAdopted(
        agency_id=agency_id,
        number=number,
        profile="pomona",
        version="said",
        document=text,
        sha256=digest,
        adopted_at=at,
        note=note,
        verifier_key=signer.key,
    )
