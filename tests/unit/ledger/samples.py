"""Access records as other services send them."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from standing import Town, eventually

from platekeeper_common.access import Place, Recorder, Result, Use
from platekeeper_common.actions import Action
from platekeeper_common.events.access import AccessRecorded, Sealed
from platekeeper_common.ids import AgencyId

MOMENT = datetime(2026, 11, 22, 18, 0, 0, 120_000, tzinfo=UTC)
PLATE = "7KXQ042"


def looked_up(**more: Any) -> AccessRecorded:
    """A search that found one read."""
    return AccessRecorded(
        **{
            "agency_id": AgencyId("pomona-pd"),
            "id": "019c0000-0000-7000-8000-000000000001",
            "producer": "retention",
            "number": 1,
            "at": MOMENT,
            "kind": "plate_data",
            "action": "reads.search",
            "outcome": "allowed",
            "subject": "account-officer",
            "username": "officer",
            "name": "Zoë Officer",
            "organisation": "Pomona Police Department",
            "title": "Police Officer II",
            "session": "019c0000-0000-7000-8000-0000000000aa",
            "address": "203.0.113.7",
            "policy_version": "pomona-0123456789ab",
            "salt": "AAECAwQFBgcICQoLDA0ODw==",
            "purpose": "stolen_vehicle",
            "matter_type": "criminal",
            "matter_number": "26-0117",
            "query": Sealed("pomona-pd/access/2026-11", "AAAAAAAAAAAAAAAA", "c2VhbGVkIHF1ZXJ5IGVsZW1lbnRz"),
            "result_count": 1,
            "result_ids": ("5d2f7a52-0000-8000-8000-000000000001",),
            **more,
        }
    )


def administered(**more: Any) -> AccessRecorded:
    """An act of administration, as bare as one can be."""
    return AccessRecorded(
        **{
            "agency_id": AgencyId("pomona-pd"),
            "id": "019c0000-0000-7000-8000-000000000002",
            "producer": "accounts",
            "number": 1,
            "at": MOMENT,
            "kind": "administration",
            "action": "account.open",
            "outcome": "allowed",
            "subject": "account-chief",
            "username": "chief",
            "name": "Chief",
            "organisation": "Pomona Police Department",
            "policy_version": "pomona-0123456789ab",
            "salt": "Dw4NDAsKCQgHBgUEAwIBAA==",
            "object_type": "account",
            "object_id": "account-officer",
            **more,
        }
    )


def refused(**more: Any) -> AccessRecorded:
    """A refusal for want of training."""
    told = {"id": "019c0000-0000-7000-8000-000000000003", "number": 2, "purpose": "not_stated"}
    told |= {"matter_type": None, "matter_number": None, "result_count": 0, "result_ids": ()}
    return looked_up(**{**told, "outcome": "refused", "code": "training_missing", "clause": "C2", **more})


async def searched(
    here: Town, number: int, *, username: str = "officer", plate: str = PLATE, at: datetime | None = None, **more: Any
) -> AccessRecorded:
    """What retention records of a search for `plate`, its query elements sealed as they are in life, now or `at`."""
    who, moment = here.person(username, **more), at or here.clock()
    # A clock of its own: what else stands here, the sequencer above all, would see the town's go forth and back.
    recorder = Recorder("retention", here.standing.foundation.keys, here.standing.foundation.policies, lambda: moment)
    use = Use(purpose="stolen_vehicle", matter_type="criminal", matter_number="26-0117")
    record = await recorder.plate_data(who, Action.SEARCH, use, {"plate": plate}, Result(count=0), Place("203.0.113.7"))
    return msgspec.structs.replace(record, number=number)


async def send(here: Town, *records: AccessRecorded) -> None:
    """Publish the records and return when the ledger has handled them, one way or the other."""
    bus = here.standing.foundation.bus
    await bus.publish(records, source="retention")

    async def handled() -> bool:
        return await bus.backlog("ledger", AccessRecorded.topic) == 0

    await eventually(handled)
