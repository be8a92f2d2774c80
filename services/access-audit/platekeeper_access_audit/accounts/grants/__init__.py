"""Role grants of standing accounts: narrowed by one person at once, widened by two (B2)."""
