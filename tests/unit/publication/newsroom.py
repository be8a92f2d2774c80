"""Publication standing alone: what services would have stated, and policies that are published by its own door."""

from typing import Any

from standing import AGENCY, Town, eventually

from platekeeper_common.events.public import (
    Accuracy,
    AuthorisedTitle,
    Courses,
    Monitoring,
    Post,
    Posts,
    Retention,
    Sharing,
    StatedInPublic,
    Statement,
    Titles,
)

TEXTS = {
    name: f"What the department says of {name}."
    for name in (
        "purposes",
        "titles_and_training",
        "monitoring",
        "sharing",
        "custodian",
        "accuracy",
        "retention",
    )
}
STATED: tuple[Statement, ...] = (
    Titles(titles=(AuthorisedTitle(title="Officer"),)),
    Posts(posts=(Post(code="administrator", title="Commander", holder="A. Rivera"),)),
    Courses(owner="Training Sergeant"),
    Monitoring(audit_cadence="quarterly", access_years=5),
    Retention(item="item-1", authority="schedule", minimum="1 year", clock="receipt", purge="should"),
    Sharing(routes=("request",), non_le_owner="Records Policy"),
    Accuracy(
        clets_verification="should",
        clets_before="enforcement_action",
        look_alikes_at_most=1,
        partial_expires_after_days=30,
    ),
)


async def state(here: Town, *statements: Statement) -> None:
    """Say the statements on the bus, as a service would."""
    now = here.clock()
    said = [StatedInPublic(agency_id=AGENCY, service="anybody", content=one, stated_at=now) for one in statements]
    await here.standing.foundation.bus.publish(said, source="anybody")


async def publish(here: Town, **texts: str) -> dict[str, Any]:
    """Publish a policy whose facts are stated; the answer."""
    async with here.client(here.person("boss", "administrator")) as boss:

        async def whole() -> Any:
            drafted = (await boss.post("/v1/policy-documents", json=TEXTS | texts)).json()
            return None if any(section["lacks"] for section in drafted["sections"]) else drafted

        drafted = await eventually(whole)
        answer = await boss.post(f"/v1/policy-documents/{drafted['id']}/publish")
    assert answer.status_code == 201, answer.text
    published: dict[str, Any] = answer.json()
    return published
