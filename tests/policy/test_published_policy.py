"""The policy document from draft to the public page, for each department, with the services' own facts (B4 to B11)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from profiles import DEPARTMENTS
from standing import eventually
from unit.accounts.house import House, house

from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_access_audit.publication.service import PUBLICATION
from platekeeper_hotlist.service import SERVICE as HOTLIST
from platekeeper_release.service import SERVICE as RELEASE
from platekeeper_retention.service import SERVICE as RETENTION

SERVICES = (ACCOUNTS, LEDGER, PUBLICATION, HOTLIST, RELEASE, RETENTION)
SECTIONS = ("purposes", "titles_and_training", "monitoring", "sharing", "custodian", "accuracy", "retention")
TEXTS = {name: f"What the department says of {name}.\n\nAnd more of it." for name in SECTIONS}


@dataclass
class Office:
    """A department that stands, its administrator, and somebody from the street."""

    department: str
    house: House
    boss: httpx.AsyncClient
    anybody: httpx.AsyncClient

    async def publish(self, **texts: str) -> dict[str, Any]:
        drafted = await self.boss.post("/v1/policy-documents", json=TEXTS | texts)
        assert drafted.status_code == 201, drafted.text
        answer = await self.boss.post(f"/v1/policy-documents/{drafted.json()['id']}/publish")
        assert answer.status_code == 201, answer.text
        published: dict[str, Any] = answer.json()
        return published

    async def facts(self, **texts: str) -> dict[str, str]:
        """What is generated for each section, as one text."""
        drafted = (await self.boss.post("/v1/policy-documents", json=texts)).json()
        return {
            section["code"]: " | ".join(f"{fact['label']}: {'; '.join(fact['values'])}" for fact in section["facts"])
            for section in drafted["sections"]
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DEPARTMENTS)
async def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    department = str(request.param)
    folder = tmp_path_factory.mktemp(department) / "var"
    async with house(folder, services=SERVICES, statement_seconds=0.1) as here:
        boss = await here.staffed(profile=department)
        made = Office(department, here, boss, here.client())

        async def stated() -> bool:
            return all(fact.split(": ", 1)[1] for fact in (await made.facts()).values())

        await eventually(stated)
        yield made


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.clause("B4")
async def test_nothing_is_published_while_a_section_is_empty(office: Office) -> None:
    drafted = await office.boss.post("/v1/policy-documents", json=TEXTS | {"accuracy": " \n", "sharing": ""})
    answer = await office.boss.post(f"/v1/policy-documents/{drafted.json()['id']}/publish")
    assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (409, "policy_incomplete", "B4")
    assert [one["section"] for one in answer.json()["missing"]] == ["sharing", "accuracy"]
    assert "(D) sharing: no text" in answer.json()["detail"]
