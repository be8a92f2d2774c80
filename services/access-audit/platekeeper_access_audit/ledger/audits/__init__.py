"""Audits at the profile's cadence, the monitoring plan and its monthly report (clauses B7, G4)."""
