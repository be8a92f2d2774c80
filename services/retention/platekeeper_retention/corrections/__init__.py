"""Corrections by officers: kept beside the read, counted for its camera, given away to train by (clause J1)."""
