"""An issuer that lies as a test tells it to, over real HTTP on this machine; what it says truly is OpenID Connect."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from standing import TestClock

from platekeeper import server


@dataclass
class FalseIssuer:
    """What it says of itself, and the claims of the next ID token."""

    url: str
    clock: TestClock
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "one"})
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    """Of the browser, last."""
    token_answer: dict[str, Any] | None = None

    def visited(self, url: str) -> dict[str, str]:
        """What the browser that was sent to `url` comes back with."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        return {"state": self.asked["state"], "authorization_code": "a code", "iss": self.url}

    def discovery(self) -> dict[str, Any]:
        """Its metadata."""
        places = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys"}
        return {
            "issuer": self.url,
            **{name: f"{self.url}{path}" for name, path in places.items()},
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }

    def token(self) -> dict[str, Any]:
        """The answer to a code."""
        if self.token_answer is not None:
            return self.token_answer
        now = self.clock().timestamp()
        claims = {
            "iss": self.url,
            "aud": "platekeeper",
            "sub": "subject-one",
            "iat": int(now),
            "exp": int(now) + 60,
            "auth_time": int(now),
            "nonce": self.asked["nonce"],
            "preferred_username": "rivera",
            "acr": "2",
            **self.claims,
        }
        told = {name: value for name, value in claims.items() if value is not None}
        algorithms = [self.header["alg"]]
        return {"access_token": "none", "id_token": jwt.encode(self.header, told, self.key, algorithms=algorithms)}


@asynccontextmanager
async def false_issuer(clock: TestClock) -> AsyncIterator[FalseIssuer]:
    """One that stands until the block ends."""
    app = FastAPI()
    with ExitStack() as sockets:
        listener = sockets.enter_context(server.listen("127.0.0.1", 0))
        issuer = FalseIssuer(f"http://127.0.0.1:{listener.getsockname()[1]}", clock)
        public = issuer.key.as_dict(private=False)
        app.get("/.well-known/openid-configuration")(issuer.discovery)
        app.post("/token")(issuer.token)
        app.get("/keys")(lambda: {"keys": [public]})
        async with server.served(server.Quiet(app), listener):
            yield issuer


def secret_of(key: Any) -> OctKey:
    """The public key misused as a secret (RFC 8725 2.1)."""
    return OctKey.import_key(key.as_dict(private=False)["n"])


def another_key() -> ECKey:
    """One that is not published."""
    return ECKey.generate_key("P-256", {"kid": "one"})
