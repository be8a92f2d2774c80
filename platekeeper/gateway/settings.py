"""Settings of the gateway."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

RATE_SECONDS = 10
"""Rates are counted over so many seconds, so that a short burst is let through."""


class GatewaySettings(BaseSettings):
    """Settings of the gateway; issuer, audience and the neighbours' addresses are those of every process."""

    model_config = SettingsConfigDict(env_prefix="PLATEKEEPER_GATEWAY_", frozen=True, extra="forbid")

    bind: str = ":8443"
    """Where the public calls: `ADDRESS:PORT`, or `:PORT` on every address."""
    operators: str = "127.0.0.1:8404"
    """Where operators read HAProxy's own /metrics, without a token: never a public address (clause G2)."""
    probes: str | None = None
    """Where, without TLS or token, /health/gateway/live and /ready are for who watches the process; None: nowhere."""
    folder: Path = Path("var/gateway")
    """Configuration, keys and HAProxy's own socket."""
    certificate: Path | None = None
    """PEM of private key and certificate chain. None: `tls.pem` in `folder`, made for this machine when absent."""
    caller_rate: int = Field(default=200, gt=0)
    """Requests a second of one device or person."""
    login_rate: int = Field(default=5, gt=0)
    """Logins a second, of people and devices together, from one address (IPv6: from one /64)."""
    connections: int = Field(default=4000, gt=0)
    """Connections of the public at once; those beyond wait."""
    address_connections: int = Field(default=1000, gt=0)
    """Connections at once of one address (IPv6: of one /64): a department may have but one."""
    upload_seconds: int = Field(default=60, gt=0)
    """How long a body of up to 15 kB may take to come; a longer one is timed by the service that it goes to."""
    keys_wait_seconds: float = Field(default=120, ge=0)
    """How long `platekeeper gateway keys --once` asks for keys before it fails."""
    keys_every_seconds: float = Field(default=30, gt=0)
    """How often accounts are asked for the keys that verify tokens; a new key is published an hour before its use."""
    drain_seconds: int = Field(default=900, gt=0)
    """How long connections of before a reload may go on: a stream of hits is then opened anew by its reader."""

    @property
    def tls(self) -> Path:
        """The file that HAProxy reads key and certificates from."""
        return self.certificate or self.folder / "tls.pem"

    @property
    def keys(self) -> Path:
        """The folder of keys that verify tokens."""
        return self.folder / "keys"
