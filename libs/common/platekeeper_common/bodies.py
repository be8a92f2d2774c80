"""The bodies of requests: one look at what arrives, so that the handler and the record of a refusal get the same.

A route that takes JSON gets `application/json` in UTF-8 (RFC 8259 section 8.1) and nothing else; one that takes a form
gets `application/x-www-form-urlencoded`. Routes that read files and streams look at them themselves.
"""

import json
import math
from email.message import Message as Head
from typing import Any, Final, Literal, Never
from urllib.parse import unquote_to_bytes

from fastapi.params import Form
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message

from platekeeper_common import texts
from platekeeper_common.errors import Invalid, PlatekeeperError, UnknownForm

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
NOT_READ = "the body was not read"
_UTF_8 = (None, "utf-8", "utf8")

Taken = Literal["application/json", "application/x-www-form-urlencoded"]


class Unreadable(HTTPException):
    """A body that no handler gets: in the only kind of error that the framework lets through while it reads one."""

    def __init__(self, error: PlatekeeperError) -> None:
        """`error` is what the caller is told."""
        super().__init__(error.status, error.detail)
        self.error = error


class Sent:
    """What has arrived of a request's body, for the record of a refusal (G3).

    `value` is what its JSON says, None until it has been read; `untold` says why it is not known, None when there is no
    body or it has been read.
    """

    def __init__(self, headers: Headers) -> None:
        """Of a request with these headers."""
        self.value: Any = None
        announced = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        self.untold = NOT_READ if announced else None
        self._head = Head()
        self._head["content-type"] = headers.get("content-type", "")
        self._parts: list[bytes] = []

    def take(self, route: Any, message: Message) -> None:
        """The next part of the body of a request to `route`. Raises Unreadable for what the route does not take."""
        taken = taken_by(route)
        if taken is None or message["type"] != "http.request":
            return
        self._parts.append(message.get("body", b""))
        if message.get("more_body", False) or not (body := b"".join(self._parts)):
            return
        self._parts = []
        try:
            self._demand_form(taken)
            self._look(taken, body)
        except PlatekeeperError as error:
            if self.value is None:
                self.untold = error.detail
            raise Unreadable(error) from error

    def _demand_form(self, taken: Taken) -> None:
        if self._head.get_content_type() != taken:
            raise UnknownForm(f"the body is taken as {taken} alone, and the header Content-Type must say so")
        if taken == JSON and self._head.get_content_charset() not in _UTF_8:
            raise _not_utf_8()

    def _look(self, taken: Taken, body: bytes) -> None:
        if taken == FORM:
            texts.demand(unquote_to_bytes(body).decode("latin-1"))
        else:
            self.value, self.untold = read(body), None
            # JSON can say such a character in one way alone: anything below U+0020 has to be escaped.
            if b"\\u" in body:
                texts.demand(self.value)


def taken_by(route: Any) -> Taken | None:
    """The form in which the framework reads a body for the route; None: it reads none for it."""
    field = route.body_field if isinstance(route, APIRoute) else None
    if field is None:
        return None
    return FORM if isinstance(field.field_info, Form) else JSON


def read(body: bytes) -> Any:
    """What the JSON in UTF-8 says. Raises UnknownForm for another encoding, and Invalid saying where it is no JSON."""
    if json.detect_encoding(body) not in ("utf-8", "utf-8-sig"):
        raise _not_utf_8()
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_number)
    except UnicodeDecodeError as error:
        raise _not_utf_8() from error
    except json.JSONDecodeError as error:
        raise Invalid(f"the body is no JSON at character {error.pos}: {error.msg}") from error
    except ValueError as error:
        raise Invalid("the body holds a whole number with more digits than can be read") from error
    except RecursionError as error:
        raise Invalid("the body holds more levels of lists and objects within each other than can be read") from error


def _not_utf_8() -> UnknownForm:
    return UnknownForm("JSON is taken in UTF-8 alone (RFC 8259 section 8.1)", code="charset_unknown")


def _no_number(name: str) -> Never:
    raise Invalid(f"the body is no JSON: it has no number {name} (RFC 8259 section 6)")


def _number(written: str) -> float:
    value = float(written)
    if math.isinf(value):
        raise Invalid("the body holds a number beyond what can be calculated with (RFC 8259 section 6)")
    return value
