"""The plate detector: its network, the scenes it learns from, and the run that trains it."""
