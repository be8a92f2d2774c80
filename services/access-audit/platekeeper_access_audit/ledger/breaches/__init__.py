"""Breaches of security or data: what happened, what it touched, and who has been told (clause G5)."""
