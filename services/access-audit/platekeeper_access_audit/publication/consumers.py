"""What publication hears: the statements of the services."""

from platekeeper_access_audit.publication.room import PublicationRoom
from platekeeper_common.bus.contract import Apply


def follow_statements(here: PublicationRoom) -> Apply:
    """Every statement, from the start."""
    return here.board.apply
