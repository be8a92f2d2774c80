"""Publication: what the public sees."""
