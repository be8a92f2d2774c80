"""Which access records asked for a plate, by keyed digests; no plate lies in the clear."""
