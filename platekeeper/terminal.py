"""Commands that log in at the terminal: what they ask for, and how they speak."""

import getpass
import sys

import httpx

from platekeeper import client
from platekeeper.client import ApiError, Session


async def log_in(http: httpx.AsyncClient, username: str) -> Session:
    """Ask for what the login needs, step by step. Raises ApiError when it is refused for good, EOFError unanswered."""
    password = _ask(f"Password of {username}: ")
    more: dict[str, str] = {}
    while True:
        session = client.person(http, username, password, **more)
        try:
            await session.log_in()
        except ApiError as error:
            if error.code == "second_factor_required" and "code" not in more:
                more["code"] = _ask("Code of your authenticator: ")
            elif error.code == "password_change_required" and "new_password" not in more:
                more["new_password"] = _ask("This password was for once. Your new password: ")
            elif error.code == "policy_not_accepted" and "accept_policy" not in more:
                if _ask(f"{error.detail}. Type yes to accept it: ").strip().lower() != "yes":
                    raise
                more["accept_policy"] = str(error.told["accept_policy"])
            else:
                raise
        else:
            return session


def say(line: str) -> None:
    """One line on standard output."""
    print(line)  # noqa: T201


def complain(error: BaseException) -> None:
    """One line on standard error about what the user can mend."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error) and isinstance(error, httpx.TransportError):
        said = f"{_door(error)}: its certificate is not believed ({error}); --ca FILE names who vouches for it"
    elif isinstance(error, httpx.TransportError):
        said = f"{_door(error)} does not answer: {error or type(error).__name__}"
    else:
        said = str(error) or "no password was given"
    print(f"platekeeper: {said}", file=sys.stderr)  # noqa: T201


def _door(error: httpx.TransportError) -> httpx.URL:
    return error.request.url.copy_with(path="/", query=None)


def _ask(prompt: str) -> str:
    """An answer that is not shown; a line of standard input when that is no terminal."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    if line := sys.stdin.readline():
        return line.rstrip("\n")
    raise EOFError
