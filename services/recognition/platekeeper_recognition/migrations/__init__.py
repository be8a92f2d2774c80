"""Recognition has no tables of its own: only those that every service has."""
