"""Posts of the programme: who holds them over time, who acts for them now, and what their holders have delegated."""
