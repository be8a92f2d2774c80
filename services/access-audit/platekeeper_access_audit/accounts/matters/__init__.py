"""Matters: for what a person uses plate data, chosen once and carried by the token (clauses A4, A8)."""
