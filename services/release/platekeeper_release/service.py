"""Release: what it is."""

from pathlib import Path

from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.service import Grant, Service
from platekeeper_release import storage
from platekeeper_release.policy import SECTIONS
from platekeeper_release.room import NAME, ReleaseRoom, ReleaseSettings, open_room
from platekeeper_release.routes import router


async def counts(here: ReleaseRoom) -> dict[str, int]:
    """Figures for the start page."""
    async with here.db.tx() as tx:
        return await storage.counts(tx)


SERVICE = Service(
    name=NAME,
    summary="Written requests of other agencies: received, decided, fulfilled exactly, and kept.",
    paths=("/v1/recipients", "/v1/release-requests", "/v1/release-key"),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    grants=(
        Grant("recipient", "SELECT, INSERT, UPDATE"),
        Grant("release_request", "SELECT, INSERT"),
        Grant("decision", "SELECT, INSERT"),
        Grant("fulfilment", "SELECT, INSERT"),
    ),
    routes=(router,),
    emits=(AccessRecorded,),
    calls=("accounts", "retention"),
    policy=SECTIONS,
    settings=ReleaseSettings,
    counts=counts,
)
