"""The rules of trusted issuers: which may be one, what its word must hold, and whose it is.

OpenID Connect Core 1.0 (3.1.3.7), PKCE (RFC 7636), issuer identification (RFC 9207), security BCP (RFC 9700).
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from platekeeper_access_audit.accounts.domain import Account
from platekeeper_access_audit.accounts.room import LOOPBACK
from platekeeper_common.errors import Conflict, Invalid, NotFound, Unauthenticated
from platekeeper_common.ids import AgencyId

ALGORITHMS = ("RS256", "ES256", "PS256")
"""That an ID token may be signed with, as far as the issuer says that it uses them."""
LOGIN_LIFE = timedelta(minutes=10)
FRESH = timedelta(minutes=5)
"""How long ago the person may have given the password to the issuer: its own session is nobody's login here."""
LEEWAY = timedelta(seconds=60)
"""Between its clock and ours."""
METHOD = "fed"
"""How a token says that an issuer vouched for its holder."""
SCOPE = "openid profile email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An agency's issuer as its administrator registered it."""

    agency_id: AgencyId
    url: str
    """Its issuer identifier, exactly."""
    client_id: str
    client_secret: bytes
    """Wrapped by the key store."""
    username_claim: str
    """The claim that names the account by its username, until the account is linked."""
    second_factor_amr: tuple[str, ...]
    second_factor_acr: tuple[str, ...]
    """Words of its `amr` or `acr` that assert a second factor; without one of them ours is asked for."""
    passwords: bool
    """Whether people of the agency may log in by password beside it."""
    registered_at: datetime

    def told(self) -> dict[str, Any]:
        """What records and answers say of it: everything but the secret."""
        return {
            "issuer": self.url,
            "client_id": self.client_id,
            "username_claim": self.username_claim,
            "second_factor_amr": list(self.second_factor_amr),
            "second_factor_acr": list(self.second_factor_acr),
            "passwords": self.passwords,
        }


@dataclass(frozen=True, slots=True)
class Proposal:
    """An issuer that waits for a second person's word (B2)."""

    id: str
    issuer: Issuer
    proposed_by: str
    proposed_by_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A login that began here and waits for the issuer's word, or for our second factor."""

    state_sha256: str
    browser_sha256: str
    """Of the cookie of the browser that began it: nobody else may end it."""
    agency_id: AgencyId
    nonce: str
    verifier: bytes
    """PKCE's, wrapped by the key store."""
    expires_at: datetime
    account_id: str | None = None
    """Whom the issuer named; only our second factor or the person's acceptance of the policy is missing."""
    subject: str | None = None
    second_factor: bool = False
    """The issuer vouched for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What an issuer says of itself (OpenID Connect Discovery 1.0)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    algorithms: tuple[str, ...]
    names_itself: bool
    """It adds `iss` to its answer (RFC 9207)."""


@dataclass(frozen=True, slots=True)
class Word:
    """Whom an issuer vouches for."""

    subject: str
    username: str | None
    second_factor: bool


def entrusts(old: Issuer | None, new: Issuer) -> bool:
    """Whether it is another's word, or another word, that lets people in as somebody from now on (B2)."""
    return old is None or {**old.told(), "passwords": None} != {**new.told(), "passwords": None}


def demand_proposed(found: Proposal | None, by: str) -> Proposal:
    """Raise NotFound `issuer_proposal_unknown`, Conflict `same_person` (B2)."""
    if found is None:
        raise NotFound("no such issuer waits to be confirmed", code="issuer_proposal_unknown", clause="B2")
    if found.proposed_by == by:
        detail = "two persons say who may let people in: somebody else confirms what you proposed"
        raise Conflict(detail, code="same_person", clause="B2")
    return found


def demand_url(url: str, what: str = "the issuer") -> None:
    """Raise Invalid `issuer_url_wrong` unless it is encrypted or on this machine, and nothing but a place."""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not safe or not parts.hostname or parts.username or parts.query or parts.fragment:
        detail = f"{what} must have a URL that begins with https://, without query and fragment"
        raise Invalid(detail, code="issuer_url_wrong", clause="G2")


def metadata(document: Mapping[str, Any], url: str) -> Metadata:
    """What the discovery document says. Raises Invalid `issuer_unfit` naming what is missing."""
    if document.get("issuer") != url:
        raise _unfit(f"it says that its issuer is {document.get('issuer')!r}, not {url!r}")
    algorithms = tuple(one for one in ALGORITHMS if one in _words(document, "id_token_signing_alg_values_supported"))
    if not algorithms:
        raise _unfit(f"it signs ID tokens with none of {', '.join(ALGORITHMS)}")
    if "S256" not in _words(document, "code_challenge_methods_supported"):
        raise _unfit("it does not offer PKCE with S256")
    places = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        places[name] = str(document.get(name) or "")
        demand_url(places[name], f"the issuer's {name}")
    names_itself = document.get("authorization_response_iss_parameter_supported") is True
    return Metadata(**places, algorithms=algorithms, names_itself=names_itself)


def authorization_url(about: Metadata, issuer: Issuer, login: Login, *, state: str, verifier: str, back: str) -> str:
    """Where the person's browser goes to be asked, freshly, by the issuer."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": issuer.client_id,
        "redirect_uri": back,
        "scope": SCOPE,
        "state": state,
        "nonce": login.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "prompt": "login",
        "max_age": int(FRESH.total_seconds()),
    }
    if issuer.second_factor_acr:
        asked["acr_values"] = " ".join(issuer.second_factor_acr)
    return f"{about.authorization_endpoint}?{urlencode(asked)}"


def demand_waiting(login: Login | None, now: datetime) -> Login:
    """The login, when it began here and has not ended. Raises Unauthenticated `login_unknown`."""
    if login is None or login.expires_at <= now:
        detail = "this login did not begin in this browser, has ended, or took too long; begin again"
        raise Unauthenticated(detail, code="login_unknown", clause="G2")
    return login


def demand_named(about: Metadata, issuer: Issuer, named: str | None) -> None:
    """Raise Unauthenticated when the answer names another issuer, or none where ours always does (RFC 9207, 2.4)."""
    if named is None and not about.names_itself:
        return
    if named != issuer.url:
        raise word_wrong("it came from another issuer")


def word(claims: Mapping[str, Any], issuer: Issuer, now: datetime) -> Word:
    """Whom verified claims vouch for. Raises Unauthenticated `issuer_word_wrong`."""
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != issuer.client_id:
        raise word_wrong("it was made for another client too")
    asked_at = claims.get("auth_time")
    if not isinstance(asked_at, int | float) or now.timestamp() - asked_at > (FRESH + LEEWAY).total_seconds():
        raise word_wrong("it does not say that the person logged in there just now (auth_time)")
    named = claims.get(issuer.username_claim)
    verified = issuer.username_claim != "email" or claims.get("email_verified") is True
    username = named.strip().lower() if isinstance(named, str) and verified else None
    amr = claims.get("amr")
    methods = set(amr) if isinstance(amr, list) else set()
    second = bool(methods & set(issuer.second_factor_amr)) or claims.get("acr") in issuer.second_factor_acr
    return Word(str(claims["sub"]), username, second)


def demand_account(account: Account | None, issuer: Issuer) -> Account:
    """The account that the word opens. Raises Unauthenticated `issuer_account_unknown`."""
    if account is None or account.agency_id != issuer.agency_id:
        detail = "no account here has the username that your agency's issuer gives you; your administrator can open one"
        raise Unauthenticated(detail, code="issuer_account_unknown", clause="G2")
    return account


def demand_linkable(account: Account, linked: str | None, subject: str) -> None:
    """Raise Unauthenticated unless the account opens to this subject; `linked` is the one that it is known by, if any.

    `account_disabled`, `issuer_link_wrong`: who came this far has shown to the agency's issuer who it is.
    """
    if account.disabled_at is not None:
        detail = "the account is disabled; an administrator of your agency decides on that"
        raise Unauthenticated(detail, code="account_disabled", clause="G2")
    if linked is not None and linked != subject:
        detail = "the account belongs to somebody else at the issuer; an administrator of your agency can reset it"
        raise Unauthenticated(detail, code="issuer_link_wrong", clause="G2")


def known(login: Login, account: Account, vouched: Word, now: datetime) -> Login:
    """The login once the issuer has spoken and something of ours is missing."""
    return replace(
        login,
        account_id=account.id,
        subject=vouched.subject,
        second_factor=vouched.second_factor,
        expires_at=now + LOGIN_LIFE,
    )


def demand_registered(issuer: Issuer | None) -> Issuer:
    """The issuer. Raises NotFound `issuer_unknown`."""
    if issuer is None:
        raise NotFound("the agency has no trusted issuer; log in by password", code="issuer_unknown", clause="G2")
    return issuer


def demand_secret(old: Issuer | None, url: str, secret: str | None) -> None:
    """Raise Invalid `client_secret_missing`: it may be left out only where the same issuer is registered already."""
    if secret is None and (old is None or old.url != url):
        raise Invalid("give the client_secret", code="client_secret_missing", clause="G2")


def demand_tried(*, passwords: bool, tried: bool) -> None:
    """Raise Conflict `issuer_untried` when passwords end before the one who ends them came in without one."""
    if not passwords and not tried:
        detail = "log in through the issuer once yourself before passwords are turned off"
        raise Conflict(detail, code="issuer_untried", clause="G2")


def word_wrong(why: str) -> Unauthenticated:
    """The answer to an issuer's word that proves nothing."""
    return Unauthenticated(f"the issuer's word was not taken: {why}", code="issuer_word_wrong", clause="G2")


def digest(secret: str) -> str:
    """As which a random secret is kept, hex SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _words(document: Mapping[str, Any], name: str) -> Sequence[str]:
    listed = document.get(name)
    return listed if isinstance(listed, list) else ()


def _unfit(why: str) -> Invalid:
    return Invalid(f"the issuer cannot be trusted: {why}", code="issuer_unfit", clause="G2")
