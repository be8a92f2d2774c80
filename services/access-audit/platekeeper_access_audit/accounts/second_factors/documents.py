"""The HTTP bodies of second factors."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class SecondFactorDocument(BaseModel):
    """What an authenticator application needs, shown only now; in force once confirmed."""

    secret: str
    otpauth_uri: str
    qr_svg: str
    """The URI as a QR code, an SVG element for a page."""


class SecondFactorConfirmation(BaseModel):
    """A code that the application shows."""

    model_config = ConfigDict(extra="forbid")

    code: Code


class RecoveryCodes(BaseModel):
    """Each signs on once in place of a code, for when the application is lost; shown only now."""

    recovery_codes: list[str]
