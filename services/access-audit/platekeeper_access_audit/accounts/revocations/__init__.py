"""Revocations: every token of a person, a device or an agency worth nothing, within seconds."""
