"""The one family of errors: a stable code, a status and, where a rule refused, the clause that says so.

At the edge they become problem documents (RFC 9457).
"""

from collections.abc import Mapping
from typing import Any


class PlatekeeperError(Exception):
    """What a caller is told. `code` never changes once published; `detail` names what is wrong."""

    status: int = 500
    code: str = "internal_error"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        clause: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        """Carry `detail` for people; `extra` fields ride along in the problem document, so never a plate in them."""
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.clause = clause
        self.headers = dict(headers or {})
        self.extra = extra


class Invalid(PlatekeeperError):
    """The request cannot be understood or breaks a stated bound."""

    status, code = 422, "invalid_request"


class Unauthenticated(PlatekeeperError):
    """Nobody whom we know: no token, an expired one, a wrong password (clause G2)."""

    status, code = 401, "unauthenticated"


class Refused(PlatekeeperError):
    """A known caller asks for what a rule does not allow."""

    status, code = 403, "not_allowed"


class NotFound(PlatekeeperError):
    """No such thing, or none that the caller's agency owns."""

    status, code = 404, "not_found"


class Conflict(PlatekeeperError):
    """The thing is not in a state that allows the act."""

    status, code = 409, "conflict"


class Gone(PlatekeeperError):
    """It was here and is kept no longer."""

    status, code = 410, "gone"


class TooLarge(PlatekeeperError):
    """The body is over the limit."""

    status, code = 413, "too_large"


class UnknownForm(PlatekeeperError):
    """The body is in a media type or an encoding that is not taken here."""

    status, code = 415, "media_type_unknown"


class TooSlow(PlatekeeperError):
    """The body did not arrive in time; nothing was kept."""

    status, code = 408, "too_slow"


class Halted(RuntimeError):
    """A part has stopped for a person to look: starting the process again would not mend it."""


class Busy(PlatekeeperError):
    """Not now: a queue is full or a part that we depend on is away. Nothing was kept; try again."""

    status, code = 503, "unavailable"


class Kept(PlatekeeperError):
    """It stays as it is, whoever asks: there is no way to change or remove it."""

    status, code = 405, "record_kept"
