"""Whose hands an account went through: who opened or reset it could sign on as its person (A3, B2)."""
