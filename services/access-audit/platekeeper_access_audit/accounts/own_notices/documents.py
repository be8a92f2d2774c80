"""The HTTP bodies of notices."""

from datetime import datetime
from typing import Literal

from platekeeper_common.documents import Shown

Kind = Literal["new_device", "implausible_place", "strange_login_refused"]


class NoticeDocument(Shown):
    """Something that happened at the own account."""

    id: str
    at: datetime
    kind: Kind
    """A sign-on from a new device, from where the person can hardly be at that time, or one that was refused so."""
    address: str | None
    """From which network address."""
    terminal_id: str | None
