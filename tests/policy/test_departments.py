"""Every row of the policy profile grid, for each of the five departments, as the manuals have it."""

from datetime import timedelta
from typing import Any

import pytest
from profiles import DEPARTMENTS, FOLDER, SECTIONS, department

from platekeeper_access_audit.accounts.policy import (
    AccountsPolicy,
    ActingPolicy,
    OrdersPolicy,
    PostsPolicy,
    SessionsPolicy,
)
from platekeeper_access_audit.ledger.policy import LedgerPolicy
from platekeeper_common.errors import Invalid
from platekeeper_common.periods import Period
from platekeeper_common.policies import Policies
from platekeeper_common.policy import PolicySection, check, load_folder
from platekeeper_common.shared_policy import AuditPolicy, CopiesPolicy, UsePolicy
from platekeeper_hotlist.policy import HotlistPolicy
from platekeeper_ingest.policy import IngestPolicy
from platekeeper_release.policy import ReleasePolicy
from platekeeper_retention.policy import CorrectionsPolicy, RetentionPolicy

MONTH, THREE_WEEKS = timedelta(days=30), timedelta(days=21)
SOURCES, CLETS = ("dept", "state", "federal"), ("clets",)
STOP = "directed_stop_or_detention"
ADMINISTRATIVE, CHIEF = "Administrative Services Division Commander", "Chief of Police Division Commander"
SUPPORT, ADMINISTRATION = "Support Services Division Commander", "Administration Division Commander"
SERGEANT, DEPUTY = "Training Sergeant", "Deputy Chief, Professional Development & Training Group"
RELEASE, BREACH = "Records Maintenance and Release Policy", "Records Release and Maintenance Policy"
SUPERVISOR, CUSTODIAN = "Records Supervisor", "Custodian of Records"
BOTH, ALONE = ("administrator", "custodian_of_records"), ("administrator",)

GRID: list[tuple[type[PolicySection], str, tuple[Any, ...]]] = [
    (AccountsPolicy, "administrator", (ADMINISTRATIVE, CHIEF, SUPPORT, ADMINISTRATION, SUPPORT)),
    (
        AccountsPolicy,
        "collection_steward",
        (ADMINISTRATIVE, CHIEF, "Support Services supervisor", "Administration supervisor", SUPPORT),
    ),
    (AccountsPolicy, "training_owner", (SERGEANT, SERGEANT, None, None, DEPUTY)),
    (AccountsPolicy, "certifier", (SERGEANT, SERGEANT, SUPPORT, ADMINISTRATION, DEPUTY)),
    (SessionsPolicy, "second_factor", ("once_live",) * 5),
    (SessionsPolicy, "idle_lock", (timedelta(minutes=30),) * 5),
    (SessionsPolicy, "reauthenticate_after", (timedelta(hours=12),) * 5),
    (SessionsPolicy, "dormant_after", (timedelta(days=90),) * 5),
    (SessionsPolicy, "lock_after_failures", (5,) * 5),
    (SessionsPolicy, "implausible_speed", (300,) * 5),
    (SessionsPolicy, "implausible_beyond", (10,) * 5),
    (SessionsPolicy, "lock_within", (timedelta(minutes=15),) * 5),
    (PostsPolicy, "custodian_of_records", (CUSTODIAN, CUSTODIAN, None, None, CUSTODIAN)),
    (PostsPolicy, "records_supervisor", (None, None, SUPERVISOR, SUPERVISOR, None)),
    (PostsPolicy, "vacancy_blocks", (("release_approval", "purge"),) * 5),
    (ActingPolicy, "administrator", ("agency_head",) * 5),
    (OrdersPolicy, "purge_signed_by", (BOTH, BOTH, ALONE, ALONE, BOTH)),
    (OrdersPolicy, "purge_order_stands", (Period(12, "month"),) * 5),
    (RetentionPolicy, "minimum", (*[Period(1, "year")] * 4, Period(5, "year"))),
    (RetentionPolicy, "purge", ("should", "should", "may", "may", "should")),
    (RetentionPolicy, "clock", ("receipt",) * 5),
    (RetentionPolicy, "maximum", (None,) * 5),
    (CorrectionsPolicy, "training_export_for", (None,) * 5),
    (IngestPolicy, "vehicle_transfer_within", (None, None, MONTH, MONTH, None)),
    (IngestPolicy, "vehicle_transfer_warning", (None, None, THREE_WEEKS, THREE_WEEKS, None)),
    (IngestPolicy, "live_alert_max_age", (timedelta(minutes=5),) * 5),
    (HotlistPolicy, "clets_verification", ("should",) * 4 + ("shall",)),
    (HotlistPolicy, "clets_before", ("enforcement_action",) * 4 + (STOP,)),
    (HotlistPolicy, "protected_sources", (SOURCES, SOURCES, CLETS, CLETS, SOURCES)),
    (HotlistPolicy, "look_alikes", (("0ODQ", "1I", "2Z", "5S", "8B", "6G"),) * 5),
    (HotlistPolicy, "look_alikes_at_most", (1,) * 5),
    (HotlistPolicy, "partial_expires_after", (MONTH,) * 5),
    (HotlistPolicy, "sighting_within", (timedelta(minutes=10),) * 5),
    (HotlistPolicy, "sighting_within_metres", (300,) * 5),
    (HotlistPolicy, "hit_told_again_after", (timedelta(hours=8),) * 5),
    (
        ReleasePolicy,
        "routes",
        (("request",), ("request",), ("verified_agency",), ("verified_agency",), ("agreement", "request")),
    ),
    (ReleasePolicy, "approver", ("administrator", "administrator", None, None, "administrator")),
    (ReleasePolicy, "non_le_owner", (RELEASE, RELEASE, SUPERVISOR, SUPERVISOR, "Section 810")),
    (LedgerPolicy, "breach_policy", (BREACH, BREACH, None, None, "Section 810")),
    (LedgerPolicy, "audit_cadence", ("quarterly",) * 5),
    (LedgerPolicy, "access_kept", (Period(5, "year"),) * 5),
    (AuditPolicy, "audit_lag_limit", (timedelta(minutes=5),) * 5),
    (CopiesPolicy, "bus", (timedelta(days=7),) * 5),
    (UsePolicy, "case_number_required", (False,) * 5),
]


@pytest.mark.parametrize(
    ("name", "model", "setting", "value"),
    [
        pytest.param(name, model, setting, value, id=f"{name}-{setting}")
        for model, setting, values in GRID
        for name, value in zip(DEPARTMENTS, values, strict=True)
    ],
)
def test_each_department_has_its_row_of_the_grid(
    name: str, model: type[PolicySection], setting: str, value: object
) -> None:
    assert getattr(department(name).section(model), setting) == value


def test_the_folder_holds_five_usable_profiles_with_versions_of_their_own() -> None:
    profiles = load_folder(FOLDER, SECTIONS)
    assert sorted(profiles) == sorted(DEPARTMENTS)
    assert len({profile.version for profile in profiles.values()}) == 5
    assert check(FOLDER, SECTIONS) == []
    assert isinstance(Policies(profiles), Policies)


@pytest.mark.clause("A1")
@pytest.mark.parametrize("name", DEPARTMENTS)
def test_only_a_listed_purpose_is_a_purpose(name: str) -> None:
    use = department(name).section(UsePolicy)
    for purpose in ("stolen_vehicle", "missing_person", "routine_patrol", "crime_scene_canvass", "other_le"):
        assert use.demand_purpose(purpose) == purpose
    for unlisted in (None, "", "immigration", "curiosity", "Stolen_Vehicle"):
        with pytest.raises(Invalid) as refusal:
            use.demand_purpose(unlisted)
        assert (refusal.value.code, refusal.value.clause) == ("purpose_required", "A1")


@pytest.mark.clause("A5")
@pytest.mark.parametrize("name", DEPARTMENTS)
def test_suspicion_is_asked_of_nobody(name: str) -> None:
    use = department(name).section(UsePolicy)
    assert use.require_suspicion is False
    use.demand_matter("patrol", None)


@pytest.mark.clause("A4")
@pytest.mark.clause("A8")
@pytest.mark.parametrize("name", DEPARTMENTS)
def test_a_matter_has_a_type_and_where_needed_a_number(name: str) -> None:
    use = department(name).section(UsePolicy)
    use.demand_matter("criminal", "26-10442")
    with pytest.raises(Invalid) as refusal:
        use.demand_matter("criminal", "  ")
    assert (refusal.value.code, refusal.value.clause) == ("matter_number_required", "A8")
    with pytest.raises(Invalid) as refusal:
        use.demand_matter(None, "26-10442")
    assert (refusal.value.code, refusal.value.clause) == ("matter_required", "A8")
