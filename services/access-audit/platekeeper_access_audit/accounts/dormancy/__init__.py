"""Dormancy: accounts that nobody uses any more, or whose time is over, are disabled by themselves."""
