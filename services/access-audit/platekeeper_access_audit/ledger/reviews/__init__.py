"""The review queue, what fills it, and alerts to the administrator (clauses A1, A4, A8)."""
