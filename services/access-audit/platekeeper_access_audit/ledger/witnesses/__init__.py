"""Witnesses elsewhere, who cosign the checkpoints (C2SP tlog-witness, tlog-cosignature)."""
