"""Passkeys (WebAuthn level 2): a person's keys in a device or a stick, each password and second factor in one (G2)."""
