"""Doors that no request passes: whoever asks to change the log is told so, and stands in it (clause G3)."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import may
from platekeeper_common.errors import Kept

ALTERING = ["DELETE", "PATCH", "POST", "PUT"]
PATHS = ("/access-records", "/checkpoints", "/proofs")

router = APIRouter(prefix="/v1", include_in_schema=False)
Anyone = Annotated[Caller, may(Action.RECORDS_ALTER)]


def alter(_who: Anyone) -> None:
    """Refuse. The refusal of a known caller leaves an access record, as every refusal does."""
    raise Kept(
        "the log is never changed: a record stays as it is until its month expires by policy; what is wrong with one"
        " is said in a new one",
        clause="G3",
        headers={"Allow": "GET"},
    )


for path in PATHS:
    router.add_api_route(path, alter, methods=ALTERING)
    router.add_api_route(path + "/{rest:path}", alter, methods=ALTERING)
