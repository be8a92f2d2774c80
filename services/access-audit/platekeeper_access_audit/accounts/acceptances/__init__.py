"""Acceptance of the published policy by those who sign on (B4)."""
