"""Trusted issuers (OpenID Connect): an agency's own login, in place of passwords here (clause G2)."""
