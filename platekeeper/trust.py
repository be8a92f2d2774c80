"""Whom our own commands believe that who answers at a URL is the platform."""

import ssl
from pathlib import Path

import httpx

from platekeeper.stack.state import State
from platekeeper_common import settings as environment
from platekeeper_common.settings import PREFIX, Settings, SettingsError, is_loopback


def context(url: str, authority: Path | None) -> ssl.SSLContext | bool:
    """What httpx verifies the certificate at `url` by.

    That is the file `authority` (PEM), or that of PLATEKEEPER_CA; else, at the door of the full stack that runs on this
    machine, the stack's own; else the authorities of the system (OpenSSL's SSL_CERT_FILE names others). Raises
    SettingsError for a file that holds no certificate.
    """
    if httpx.URL(url).scheme != "https":
        return True
    settings = environment.load(Settings)
    if authority is not None:
        return _of(authority, "--ca")
    if settings.ca is not None:
        return _of(settings.ca, f"{PREFIX}CA")
    if (own := _of_the_stack(url, settings.var)) is not None:
        return _of(own, "the stack's authority")
    return ssl.create_default_context()


def _of(file: Path, named_by: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(file))
    except ssl.SSLError as error:
        raise SettingsError(f"{named_by}: no certificate (PEM) in {file}") from error
    except OSError as error:
        raise SettingsError(f"{named_by}: {file} cannot be read: {error.strerror}") from error


def _of_the_stack(url: str, var: Path) -> Path | None:
    """The authority that vouches for the stack's door; None when `url` is not there."""
    there = State.read(var)
    if there is None or not there.alive or not there.door:
        return None
    asked, door = httpx.URL(url), httpx.URL(there.door)
    return Path(there.authority) if is_loopback(asked.host) and asked.port == door.port else None
