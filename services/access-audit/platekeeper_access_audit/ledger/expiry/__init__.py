"""The end of a month of access records: its keys go, the records and their proofs stay."""
