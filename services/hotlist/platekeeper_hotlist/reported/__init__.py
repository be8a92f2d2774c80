"""Partial plates that were reported of incidents: each is entered on a hot list, or why not is said (clause A7)."""
