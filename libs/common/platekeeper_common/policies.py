"""Which agency follows which profile: what every process knows of the agencies, kept current from the bus.

Rules ask `policies.of(agency_id)`, never "the" policy.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import structlog

from platekeeper_common.adoptions import Unsigned, demand_signed
from platekeeper_common.errors import Busy, Refused
from platekeeper_common.events.access import AgencyChanged, PolicyAdopted
from platekeeper_common.events.envelope import Event
from platekeeper_common.ids import AgencyId
from platekeeper_common.keys import KeyStore
from platekeeper_common.policy import PolicyError, Profile, Sections, parsed, understood

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Agency:
    """What every process knows of an agency."""

    id: AgencyId
    name: str
    ori: str
    time_zone: str
    profile: str
    mode: Literal["test", "live", "closed"]
    synthetic: bool


class Policies:
    """Which agency follows which profile: the installed one, or what it has adopted since (B2).

    Kept current by following `agency.changed` and `policy.adopted`. What nobody signed whose word counts is not
    adopted: the agency keeps the version before, and where this process knows none, it is refused until it does.
    """

    def __init__(
        self, profiles: Mapping[str, Profile], sections: Sections | None = None, keys: KeyStore | None = None
    ) -> None:
        """`sections`: those that an adopted profile is read with. `keys`: by which it is verified; without, none is."""
        self._profiles = dict(profiles)
        self._sections = sections or {}
        self._keys = keys
        self._unsigned: dict[AgencyId, PolicyAdopted] = {}
        self._agencies: dict[AgencyId, Agency] = {}
        self._adopted: dict[AgencyId, tuple[int, Profile | PolicyError]] = {}

    async def apply(self, event: Event) -> None:
        """Take in what accounts say of an agency; other events are ignored. Safe to run twice."""
        if isinstance(event, AgencyChanged):
            self._agencies[event.agency_id] = Agency(
                id=event.agency_id,
                name=event.name,
                ori=event.ori,
                time_zone=event.time_zone,
                profile=event.profile,
                mode=event.mode,
                synthetic=event.synthetic,
            )

    async def adopt(self, event: Event) -> None:
        """Take in what an agency has adopted, unless something later is known. Safe to run twice."""
        if not isinstance(event, PolicyAdopted):
            return
        known, _ = self._adopted.get(event.agency_id, (0, None))
        if event.number < known or not await self._signed(event):
            return
        try:
            profile: Profile | PolicyError = self.completed(event.profile, json.loads(event.document))
        except PolicyError as error:
            profile = error
        self._adopted[event.agency_id] = event.number, profile

    @property
    def unsigned(self) -> int:
        """Agencies of whose policy the last word is not adopted, because its signature does not hold."""
        return len(self._unsigned)

    async def _signed(self, event: PolicyAdopted) -> bool:
        """Whether accounts signed it; what they did not is kept, to be looked at again. Raises Unavailable."""
        try:
            await demand_signed(self._keys, event)
        except Unsigned as error:
            if self._unsigned.get(event.agency_id) != event:
                _log.error("policy not adopted", agency=event.agency_id, number=event.number, reason=str(error))
            self._unsigned[event.agency_id] = event
            return False
        self._unsigned.pop(event.agency_id, None)
        return True

    def completed(self, name: str, data: Mapping[str, Any]) -> Profile:
        """The profile that `data` says; settings that it does not hold yet are the installed profile's.

        So a version adopted before a new release of the platform stays in force, and what the release adds is as its
        own file says. Raises PolicyError.
        """
        installed = self._profiles.get(name)
        whole = {section: dict(keys) for section, keys in (installed.document if installed else {}).items()}
        for section, keys in data.items():
            whole[section] = {**whole.get(section, {}), **keys}
        return understood(whole, self._sections, Path(f"{name}.toml"))

    def checked(self, name: str, text: str) -> Profile:
        """The profile that somebody proposes as TOML, complete and strict. Raises PolicyError."""
        path = Path(f"{name}.toml")
        return understood(parsed(text, path), self._sections, path)

    async def demand_usable(self) -> None:
        """Raise Busy `policy_unusable` naming the agencies whose adopted policy this process cannot use, and why.

        What did not verify is looked at again: accounts may have published the key since.
        """
        for event in list(self._unsigned.values()):
            await self.adopt(event)
        bad = [f"{agency_id}: {found}" for agency_id, (_, found) in self._adopted.items() if _is_error(found)]
        if bad:
            detail = f"adopted policies cannot be used: {'; '.join(bad)}"
            raise Busy(detail, code="policy_unusable", clause="B2")

    def named(self, name: str) -> Profile | None:
        """The installed profile of that name, or None."""
        return self._profiles.get(name)

    def followed(self, agency: Agency) -> Profile | None:
        """What the agency has adopted, or else the installed profile of its name; None: there is none.

        Raises Busy `policy_unusable` when what it adopted cannot be used here, or is not known for sure.
        """
        _, adopted = self._adopted.get(agency.id, (0, None))
        if isinstance(adopted, PolicyError) or (adopted is None and agency.id in self._unsigned):
            detail = "the agency's adopted policy cannot be used by this process; operators see why"
            raise Busy(detail, code="policy_unusable", clause="B2")
        return adopted or self._profiles.get(agency.profile)

    def installed(self) -> list[Profile]:
        """Every installed profile, whether an agency follows it or not."""
        return list(self._profiles.values())

    def agency(self, agency_id: AgencyId) -> Agency:
        """What is known of the agency, a closed one too. Raises Refused `agency_unknown`."""
        if (agency := self._agencies.get(agency_id)) is None:
            raise Refused(f"no agency {agency_id} is registered here", code="agency_unknown", clause="A2")
        return agency

    def open_agencies(self) -> list[AgencyId]:
        """Those that are known and not closed."""
        return [agency.id for agency in self._agencies.values() if agency.mode != "closed"]

    def kept(self) -> list[tuple[AgencyId, Profile | None]]:
        """Every agency, the closed ones too, and the policy in force, by which what was theirs is kept.

        None where that is in doubt, and nothing may be destroyed: what it adopted last is not verified or cannot be
        used here, or no such profile is installed.
        """
        return [(agency.id, self._certain(agency)) for agency in self._agencies.values()]

    def _certain(self, agency: Agency) -> Profile | None:
        try:
            return None if agency.id in self._unsigned else self.followed(agency)
        except Busy:
            return None

    def of(self, agency_id: AgencyId) -> Profile:
        """The agency's policy. Raises Refused `agency_unknown`: not registered, closed, or no such profile here.

        Raises Busy `policy_unusable` when what it adopted cannot be used here.
        """
        agency = self.agency(agency_id)
        if agency.mode == "closed":
            raise Refused(f"the agency {agency_id} is closed", code="agency_unknown", clause="A2")
        if (profile := self.followed(agency)) is None:
            raise Refused(
                f"the agency {agency_id} follows a profile {agency.profile} that is not installed here",
                code="agency_unknown",
                clause="A2",
            )
        return profile


def _is_error(found: Profile | PolicyError) -> bool:
    return isinstance(found, PolicyError)
