"""The departments' profiles, loaded with every service's sections."""

from functools import cache
from pathlib import Path

from platekeeper_access_audit.accounts import policy as accounts
from platekeeper_access_audit.ledger import policy as ledger
from platekeeper_access_audit.publication import policy as publication
from platekeeper_common.policy import Profile, load, merge
from platekeeper_hotlist import policy as hotlist
from platekeeper_ingest import policy as ingest
from platekeeper_release import policy as release
from platekeeper_retention import policy as retention

FOLDER = Path(__file__).parents[1] / "policies"
DEPARTMENTS = ("pomona", "galt", "corona", "downey", "la-port")
SECTIONS = merge(
    ingest.SECTIONS,
    hotlist.SECTIONS,
    retention.SECTIONS,
    accounts.SECTIONS,
    ledger.SECTIONS,
    publication.SECTIONS,
    release.SECTIONS,
)


@cache
def department(name: str) -> Profile:
    """The profile of one of the five departments."""
    return load(FOLDER / f"{name}.toml", SECTIONS)
