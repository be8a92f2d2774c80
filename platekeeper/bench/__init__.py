"""`platekeeper bench`: measurements of this installation on the user's own data."""
