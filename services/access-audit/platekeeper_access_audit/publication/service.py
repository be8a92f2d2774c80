"""Publication, in one place."""

from pathlib import Path

from platekeeper_access_audit.publication import lookout, storage
from platekeeper_access_audit.publication.consumers import follow_statements
from platekeeper_access_audit.publication.policy import SECTIONS
from platekeeper_access_audit.publication.public_routes import router as public
from platekeeper_access_audit.publication.room import NAME, PublicationRoom, PublicationSettings, open_room
from platekeeper_access_audit.publication.routes import router
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.public import PolicyPublished, StatedInPublic
from platekeeper_common.metrics import Say, gauge
from platekeeper_common.service import Follows, Grant, Job, Service

FOUND = ("posted", "no_answer", "not_found", "another_version", "no_address", "not_published", "not_looked")
POSTINGS = gauge(
    "platekeeper_publication_postings",
    "Agencies that must post their policy, by what the last look at their website found.",
    found=FOUND,
)


async def counts(here: PublicationRoom) -> dict[str, int]:
    """Agencies that have published, and those of them whose website does not show it."""
    found = await _found(here)
    published = sum(one != "not_published" for one in found)
    return {"policies": published, "not_posted": sum(one not in ("posted", "not_looked") for one in found)}


async def figures(here: PublicationRoom, say: Say) -> None:
    """What operators see: an alarm where it is not `posted`."""
    for name in FOUND:
        say(POSTINGS, 0, found=name)
    for one in await _found(here):
        say(POSTINGS, 1, found=one)


async def _found(here: PublicationRoom) -> list[str]:
    async with here.db.tx() as tx:
        checks = [await storage.last_check(tx, one) for one in await lookout.watched(tx, here)]
    return ["not_looked" if one is None else one.problem or "posted" for one in checks]


async def look_at_websites(here: PublicationRoom) -> None:
    """Whether each agency's website shows its policy."""
    await lookout.run(here)


PUBLICATION = Service(
    name=NAME,
    summary="What the public sees: each agency's policy, every version of it, and figures of use.",
    paths=("/v1/policy-documents", "/policy", "/transparency"),
    open_below=("/policy", "/transparency"),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    grants=(
        Grant("policy_draft", "SELECT, INSERT", roles=("api",)),
        Grant("policy_version", "SELECT"),
        Grant("policy_version", "INSERT", roles=("api",)),
        Grant("posting", "SELECT"),
        Grant("posting", "INSERT, UPDATE", roles=("api",)),
        Grant("posting_check", "SELECT"),
        Grant("posting_check", "INSERT", roles=("worker",)),
    ),
    routes=(router, public),
    follows=(Follows(StatedInPublic.topic, follow_statements),),
    emits=(AccessRecorded, PolicyPublished),
    jobs=(Job("look at posted policies", look_at_websites),),
    policy=SECTIONS,
    settings=PublicationSettings,
    counts=counts,
    open_counts=("policies", "not_posted"),
    figures=figures,
)
