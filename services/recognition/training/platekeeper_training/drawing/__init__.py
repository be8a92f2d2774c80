"""Plates as cameras see them: characters, serials, designs, and the way from a flat plate to a bad photograph."""
