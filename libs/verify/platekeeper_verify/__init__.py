"""Checks what a ledger says of itself: leaves, signed checkpoints, proofs. Imports nothing of Platekeeper."""
