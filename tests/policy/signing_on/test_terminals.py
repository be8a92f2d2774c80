"""Terminals: who may operate one, how it is known, and what an idle one goes on receiving (A3, C1, G2)."""

from typing import Any

import pytest
from databases import on_both
from policy.signing_on.station import POMONA, USE, Station, carried_on, hits, sign_on, signed_on
from standing import eventually
from unit.accounts.house import PASSWORD, House, codes


@on_both
@pytest.mark.clause("C1")
async def test_no_workstation_is_operated_without_a_current_certificate(here: House, station: Station) -> None:
    await station.hire("recruit", trained=False)
    for kind in ("desk", "car", "dispatch", "phone"):
        terminal = await station.terminal(kind)
        refused, trained = await sign_on(here, "recruit", terminal=terminal), await sign_on(here, terminal=terminal)
        assert codes([refused, trained]) == ["training_missing", "200"]
        assert (refused.status_code, refused.json()["clause"]) == (403, "C1")
        who = await here.standing.foundation.verifier.verify(trained.json()["access_token"])
        assert who.terminal is not None
        assert (who.terminal.id, who.terminal.kind) == (terminal["id"], kind)
    attempts = await eventually(lambda: len(found := here.records("login", "refused")) == 4 and found)
    assert {(record.username, record.code, record.clause) for record in attempts} == {
        ("recruit", "training_missing", "C1")
    }
    here.clock.advance(days=80)
    await signed_on(here, terminal=terminal)
    await here.run_sql("UPDATE training_certificate SET valid_until = certified_at")
    assert codes([await sign_on(here, terminal=terminal)]) == ["training_missing"]
    assert codes([await sign_on(here, "sergeant", terminal=terminal)]) == ["200"]


@on_both
async def test_a_terminal_is_known_by_its_secret_and_only_in_its_agency(here: House, station: Station) -> None:
    desk = await station.terminal("desk", position=POMONA)
    listed = (await station.boss.get("/v1/terminals")).json()
    assert [(one["id"], one["position"], one["retired_at"]) for one in listed] == [(desk["id"], POMONA, None)]
    assert "secret" not in listed[0]
    tries = [
        await sign_on(here, terminal=desk | {"secret": "wrong"}),
        await sign_on(here, terminal=desk | {"id": "no such"}),
        await sign_on(here, "admin", terminal=desk),
    ]
    assert codes(tries) == ["terminal_unknown"] * 3
    begun = await signed_on(here, terminal=desk)
    assert (await station.boss.post(f"/v1/terminals/{desk['id']}/retire")).status_code == 204
    again = await station.boss.post(f"/v1/terminals/{desk['id']}/retire")
    assert codes([again, await carried_on(here, begun), await sign_on(here, terminal=desk)]) == [
        "terminal_retired",
        "session_ended",
        "terminal_unknown",
    ]
    officer = here.client((await signed_on(here))["access_token"])
    assert codes([await officer.post("/v1/terminals", json={"name": "Mine", "kind": "desk"})]) == ["not_administrator"]


@on_both
@pytest.mark.clause("A3")
async def test_a_car_belongs_to_who_signed_on_last_and_desk_car_and_phone_go_together(
    here: House, station: Station
) -> None:
    await station.hire("chen")
    desk, car, phone = [await station.terminal(kind) for kind in ("desk", "car", "phone")]
    together = [await signed_on(here, terminal=terminal) for terminal in (desk, car, phone)]
    assert codes([await hits(here, begun) for begun in together]) == ["200"] * 3
    await signed_on(here, "chen", terminal=desk)
    next_shift = await signed_on(here, "chen", terminal=car)
    await eventually(lambda: _codes(here, together, ["200", "token_revoked", "200"]))
    assert codes([await carried_on(here, begun) for begun in together]) == ["200", "session_ended", "200"]
    assert codes([await hits(here, next_shift)]) == ["200"]


async def _codes(here: House, begun: list[dict[str, Any]], expected: list[str]) -> bool:
    return codes([await hits(here, one) for one in begun]) == expected


@pytest.mark.clause("G2")
@pytest.mark.parametrize("kind", ["car", "dispatch", "desk"])
async def test_an_idle_car_and_dispatcher_keep_receiving_hits_and_nothing_else(
    here: House, station: Station, kind: str
) -> None:
    begun = await signed_on(here, terminal=await station.terminal(kind))
    here.clock.advance(minutes=29)
    awake = (await carried_on(here, begun)).json()
    assert (awake["locked"], awake["expires_in"]) == (False, 60)
    not_stated = await here.client(awake["access_token"]).get("/v1/hits")
    assert codes([not_stated]) == ["purpose_required"], "awake, and what is refused is no act"
    here.clock.advance(minutes=1)
    answer = await carried_on(here, awake)
    if kind == "desk":
        assert codes([answer]) == ["session_locked"]
        return
    locked = answer.json()
    assert (locked["locked"], locked["expires_in"]) == (True, 600)
    client = here.client(locked["access_token"])
    listing = {"name": "Stolen", "source": "dept", **USE}
    answers = [
        await client.get("/v1/hits/stream"),
        await client.post("/v1/hotlists", json=listing),
        await client.get("/v1/hits", params=USE),
        await client.get("/v1/hotlists", params=USE),
        await client.get("/v1/agencies"),
    ]
    assert codes(answers) == ["purpose_required"] + ["session_locked"] * 4, "the stream alone asks on"
    assert (answers[1].status_code, answers[1].json()["clause"]) == (401, "G2")
    here.clock.advance(minutes=9)
    locked = (await carried_on(here, locked)).json()
    assert locked["locked"], "receiving hits is no act"
    unlock = {"refresh_token": locked["refresh_token"], "password": PASSWORD}
    opened = (await here.client().post("/v1/session/unlock", json=unlock)).json()
    assert not opened["locked"]
    assert codes([await here.client(opened["access_token"]).get("/v1/hotlists", params=USE)]) == ["200"]
