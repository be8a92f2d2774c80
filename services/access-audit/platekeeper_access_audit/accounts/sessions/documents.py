"""The HTTP bodies of sessions."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

RefreshToken = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Document(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class RefreshRequest(Document):
    """The refresh token, where no cookie holds it."""

    refresh_token: RefreshToken | None = None


class UnlockRequest(RefreshRequest):
    """The refresh token, where no cookie holds it, and the person's password."""

    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class SessionToken(Document):
    """A person's token (RFC 6750), and what it says."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of the scheme
    expires_in: int
    """Seconds: at most ten minutes, and never beyond the moment at which idleness locks the session (G2)."""
    refresh_token: str | None
    """Carries the session on, once; None when the browser holds it in a cookie."""
    device_token: str | None = None
    """Keep it and show it at the next login from this device, or that one counts as a new device (A3)."""
    session_until: datetime
    """Then the person signs on again."""
    locked: bool
    """The session is idle at a car's or a dispatcher's terminal: hits arrive, all else waits for the password (G2)."""
    methods: list[str]
    """How the person signed on (RFC 8176); `mfa`, `otp` or `hwk`: with a second factor."""
    account_id: str
    agency_id: str
    organisation: str
    username: str
    name: str
    title: str | None
    roles: list[str]
    training_until: datetime | None
    """None: no completed training, no plate data (C2)."""
    approved_until: datetime | None
    """None: access that nobody approved, no plate data (A8)."""
