"""How a request names an agency."""

from typing import Annotated

from fastapi import Query
from pydantic import StringConstraints

AgencyName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$")]
AskedAgency = Annotated[AgencyName | None, Query(alias="agency_id", description="For the platform's administrator")]
"""Left out: the caller's own."""
