"""Incidents: a security or data breach, what it touched, and who has been told (clause G5)."""
