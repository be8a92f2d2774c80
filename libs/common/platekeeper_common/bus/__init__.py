"""The bus: its contract, the embedded backend, and the loop that drives any backend."""
