"""The plate reader: its network, the crops it learns from, and the run that trains it."""
