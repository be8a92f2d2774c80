"""Purge orders: who has signed the destruction of what, and whether a purge may run (clauses B10, F3)."""
