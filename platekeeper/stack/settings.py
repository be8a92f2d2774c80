"""Settings of the full stack on one machine, `PLATEKEEPER_UP_*`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from platekeeper_common.settings import PREFIX


class UpSettings(BaseSettings):
    """Ports on loopback; 0 takes any free one at each start."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}UP_", frozen=True, extra="forbid")

    door: int = Field(default=8443, ge=0, le=65535)
    """Where the gateway answers, with TLS."""
    gateway_figures: int = Field(default=8404, ge=0, le=65535)
    """Where operators read the gateway's own /metrics."""
    kafka: int = Field(default=9092, ge=0, le=65535)
    postgresql: int = Field(default=5433, ge=0, le=65535)
    services: int = Field(default=8100, ge=0, le=65400)
    """The first of a row of ports: each process of a service has one for requests and probes and one for /metrics."""
    recognition_workers: int = Field(default=2, ge=1, le=24)
