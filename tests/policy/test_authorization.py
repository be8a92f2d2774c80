"""The one authorization decision, compared with the table that declares it: every door, every caller (clause A2)."""

import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import APIRoute, iter_route_contexts
from standing import AGENCY, Town, town

from platekeeper.registry import SERVICES
from platekeeper_common import ids
from platekeeper_common.actions import Action
from platekeeper_common.authorization import decide
from platekeeper_common.caller import Caller, Office
from platekeeper_common.delegation import RELEASE, Delegation, Scope
from platekeeper_common.edge import declared_action
from platekeeper_common.errors import Refused, Unauthenticated
from platekeeper_common.ids import AgencyId
from platekeeper_common.rules import PLATFORM_ADMINISTRATOR, ROLES, RULES, SERVICE_ACCOUNT

FILE = Path(__file__).with_name("authorization.toml")
OTHER = AgencyId("galt-pd")
NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
KEYS = {"who", "post", "above", "other_agency", "plate_data", "equipment", "delegable", "locked", "doors"}


def table() -> tuple[frozenset[str], Mapping[str, Mapping[str, Any]]]:
    """The public doors, and the acts by name."""
    acts = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return frozenset(acts.pop("public")), acts


PUBLIC, ACTS = table()
YES_NO = (True, False)
OWN_DOORS = tuple(f"GET /{kind}/{service.name}" for service in SERVICES for kind in ("health", "docs"))
"""Each service's health and documents."""
KNOCKING = (
    "officer",
    "officer, untrained",
    "officer, not approved",
    "officer, locked",
    "administrator, untrained",
    "device",
    PLATFORM_ADMINISTRATOR,
    SERVICE_ACCOUNT,
)
"""The callers who are sent to every door; the others are decided by the same function."""


@dataclass(frozen=True)
class Asker:
    """A kind of caller."""

    name: str
    caller: Caller


def person(*roles: str, **more: Any) -> Caller:
    """A trained person of AGENCY whose access is approved."""
    who = Caller(
        kind="person",
        subject="account-ines",
        agency_id=AGENCY,
        username="ines",
        name="Ines",
        organisation="Pomona Police Department",
        roles=frozenset(roles),
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=10),
        signed_on_at=NOW,
        session="s",
        training_until=NOW + timedelta(days=365),
        approved_until=NOW + timedelta(days=90),
    )
    return replace(who, **more)


def askers() -> Iterator[Asker]:
    """Each role alone, none, a device and an acting service; each trained or not, approved or not, locked or not."""
    kinds = [(role, person(role)) for role in ROLES]
    kinds += [
        ("no role", person()),
        ("holder of the post", person(offices=(Office("administrator"),))),
        ("head of the agency", person(offices=(Office("agency_head"),))),
        ("delegate", person(offices=(Office("administrator", frozenset({Action.DEVICE_REGISTER})),))),
        (PLATFORM_ADMINISTRATOR, person(PLATFORM_ADMINISTRATOR, agency_id=ids.PLATFORM)),
        ("device", person(kind="device", subject="device-1")),
        ("delegated", person(kind="delegated", delegation=Delegation(RELEASE, "r", Scope(plates=("7KXQ042",))))),
    ]
    for (name, caller), trained, approved, locked in product(kinds, YES_NO, YES_NO, YES_NO):
        training, approval = caller.training_until if trained else None, caller.approved_until if approved else None
        said = [name, *(word for word, is_so in (("untrained", not trained), ("not approved", not approved)) if is_so)]
        said += ["locked"] if locked else []
        yield Asker(", ".join(said), replace(caller, training_until=training, approved_until=approval, locked=locked))


ASKERS = tuple(askers())


def declared(action: Action, caller: Caller, *, own: bool) -> str | None:
    """By which code the table refuses the caller; None: it allows."""
    row = ACTS[action.value]
    if (row["who"] == "devices") != (caller.kind == "device"):
        return "not_allowed"
    if caller.locked and not row.get("locked"):
        return "session_locked"
    if caller.kind == "delegated":
        if not row.get("delegable"):
            return "delegation_not_allowed"
    elif row.get("plate_data") and SERVICE_ACCOUNT in caller.roles:
        return "shared_account"
    elif "post" in row:
        posts = [row[key] for key in ("post", "above") if key in row]
        in_office = any(office.covers(post, action) for office in caller.offices for post in posts)
        if not in_office and not set(row["who"]) & caller.roles:
            return f"not_{row['post']}"
    elif row["who"] not in ("every person", "devices") and not set(row["who"]) & caller.roles:
        return "not_allowed"
    if not own and not set(row.get("other_agency", ())) & caller.roles:
        return "other_agency"
    return unprepared(row, caller)


def unprepared(row: Mapping[str, Any], caller: Caller) -> str | None:
    """By which code the table refuses a caller for want of training or approval."""
    if (row.get("plate_data") or row.get("equipment")) and caller.training_until is None:
        return "training_missing"
    return "access_not_approved" if row.get("plate_data") and caller.approved_until is None else None


def decided(action: Action, caller: Caller, *, own: bool) -> str | None:
    """By which code the decision refuses the caller; None: it allows."""
    try:
        decide(caller, action, owner=caller.agency_id if own else OTHER)
    except (Refused, Unauthenticated) as refused:
        return refused.code
    return None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Every service."""
    async with town(tmp_path_factory.mktemp("town") / "var", SERVICES) as standing:
        yield standing


def doors(here: Town) -> Iterator[tuple[str, Action | None]]:
    """Every door of every service and the action that it declares, but for health and documents."""
    for app in here.standing.apps.values():
        for context in iter_route_contexts(app.routes):
            if isinstance(context.original_route, APIRoute):
                for method in sorted(context.methods or ()):
                    door = f"{method} {context.path}"
                    if not door.startswith(OWN_DOORS):
                        yield door, declared_action(context.original_route)


@pytest.mark.clause("A2")
@pytest.mark.asyncio(loop_scope="module")
async def test_every_door_stands_in_the_table_under_the_action_that_it_declares(here: Town) -> None:
    told = {door: name for name, row in ACTS.items() for door in row["doors"]} | dict.fromkeys(PUBLIC, "public")
    for door, action in doors(here):
        name = str(action or "public")
        row = f'["{name}"]' if action else "public"
        assert told.pop(door, None) == name, f'{FILE.name}: add the door "{door}" to {row}, and its row if it has none'
    assert not told, f"{FILE.name}: no service has these doors: {', '.join(told)}"


@pytest.mark.clause("A2")
def test_every_action_has_its_row() -> None:
    for action in Action:
        assert action.value in ACTS, f'{FILE.name}: add a row ["{action}"] that says who may, and by which doors'
        assert action in RULES, f"actions.py: {action} has no rule, and nothing is allowed without"
    assert list(ACTS) == sorted(action.value for action in Action), f"{FILE.name}: acts stand in alphabetical order"
    for name, row in ACTS.items():
        assert set(row) <= KEYS, f"{FILE.name}: {name} says more than the table knows"


@pytest.mark.clause("A2")
@pytest.mark.clause("A8")
@pytest.mark.clause("C1")
@pytest.mark.clause("C2")
@pytest.mark.parametrize("action", list(Action))
def test_every_caller_is_decided_as_the_table_declares(action: Action) -> None:
    for asker, own in product(ASKERS, (True, False)):
        expected = declared(action, asker.caller, own=own)
        told = decided(action, asker.caller, own=own)
        whose = "the own agency" if own else "another agency"
        assert told == expected, f"{action} by {asker.name} to {whose}: decided {told}, {FILE.name} says {expected}"


@pytest.mark.clause("A2")
@pytest.mark.asyncio(loop_scope="module")
async def test_every_door_asks_the_decision(here: Town) -> None:
    """A few callers knock at every door: each is refused with the decision's own code, or not by it."""
    for asker in (asker for asker in ASKERS if asker.name in KNOCKING):
        async with here.client(_signed_on_now(asker.caller, here)) as client:
            for door, action in doors(here):
                if action is None:
                    continue
                method, _, path = door.partition(" ")
                expected = declared(action, asker.caller, own=True)
                answer = await _answered(client, method, path)
                code = answer.json()["code"] if answer.is_error else None
                told = code if answer.status_code == 403 or code == "session_locked" else None
                assert told == expected, f"{door} by {asker.name}"


async def _answered(client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    """The answer, once a busy machine has let the record of a refusal be written (B8)."""
    answer = await client.request(method, path)
    for _ in range(20):
        if answer.status_code != 503:
            break
        answer = await client.request(method, path)
    return answer


@pytest.mark.clause("G2")
@pytest.mark.clause("H2")
@pytest.mark.asyncio(loop_scope="module")
async def test_every_door_but_the_public_ones_refuses_a_stranger(here: Town) -> None:
    async with here.client() as stranger:
        for door, action in doors(here):
            if action is not None:
                method, _, path = door.partition(" ")
                answer = await stranger.request(method, path)
                assert answer.status_code == 401, door
                assert answer.json()["code"] == "token_missing"


def _signed_on_now(caller: Caller, here: Town) -> Caller:
    now = here.clock()
    return replace(caller, issued_at=now, signed_on_at=now, expires_at=now + timedelta(minutes=10))
