"""Training: the catalogue of courses, who has completed them, and what is missing (clauses B6, C1 to C3)."""
