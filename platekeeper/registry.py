"""The one list of services. Everything that depends on which there are is generated from it."""

from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_common.policy import merge
from platekeeper_hotlist.service import SERVICE as HOTLIST
from platekeeper_ingest.service import SERVICE as INGEST
from platekeeper_recognition.service import SERVICE as RECOGNITION
from platekeeper_release.service import SERVICE as RELEASE
from platekeeper_retention.service import SERVICE as RETENTION

SERVICES = (INGEST, RECOGNITION, HOTLIST, RETENTION, RELEASE, ACCOUNTS, LEDGER)
SECTIONS = merge(*(service.policy for service in SERVICES))
"""Every section that a policy profile must have."""
