"""A campaign of faults: the full stack of this machine, traffic through its gateway, kill -9 at random moments.

`python -m chaos` runs it, `make chaos` with its defaults. What the platform owes is counted here, by plain rules of
its own (`tally.py`), and compared at the end with what the engines hold (`verdict.py`).
"""
