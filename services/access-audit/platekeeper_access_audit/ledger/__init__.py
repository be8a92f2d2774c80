"""The ledger: who did what, append-only (Civil Code 1798.90.52; clauses G3, B8)."""
