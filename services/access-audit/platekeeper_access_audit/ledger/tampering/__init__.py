"""Attempts to change what is kept: refused, and recorded, by the door and by the database."""
