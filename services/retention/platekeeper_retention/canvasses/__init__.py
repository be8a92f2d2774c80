"""Canvasses: searching around a crime scene without a plate, for an incident, within bounds (clause A6)."""
