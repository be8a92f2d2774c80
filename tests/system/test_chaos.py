"""A short campaign of faults: the broker, the database and what stands between them are killed, and nothing is lost."""

from chaos.campaign import Asked, Campaign
from chaos.plan import APART, FIRST, plan

VICTIMS = ["postgresql", "kafka", "ingest-api", "hotlist-worker", "retention-worker", "recognition-worker-1", "pages"]


async def test_a_short_campaign_loses_nothing_and_counts_nothing_twice() -> None:
    asked = Asked(
        seed=20261126,
        faults=len(FIRST),
        mean_seconds=2,
        minutes=4,
        reads_a_second=20,
        frame_seconds=1.5,
        listed=3,
        settle_seconds=60,
        whole_audit=False,
    )
    campaign = Campaign(asked)
    judged = await campaign.run()
    assert judged.findings == []
    assert {victim for _, victim in campaign.done} == set(FIRST)


def test_a_seed_gives_one_plan_and_everybody_is_killed_before_anybody_twice() -> None:
    faults = plan(7, 50, VICTIMS, 10)
    assert faults == plan(7, 50, VICTIMS, 10) != plan(8, 50, VICTIMS, 10)
    assert {fault.victim for fault in faults[: len(VICTIMS)]} == set(VICTIMS)
    assert {fault.victim for fault in plan(7, len(FIRST), [*VICTIMS, "ledger-worker"], 10)} == set(FIRST)
    names = [fault.victim for fault in faults]
    assert all(name not in names[at - APART : at] for at, name in enumerate(names) if at >= len(VICTIMS))
    assert all(0 <= fault.after <= 20 for fault in faults)
