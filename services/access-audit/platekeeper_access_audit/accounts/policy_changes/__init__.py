"""Changes of an agency's policy: proposed, confirmed by a second person where that is asked for, signed, kept (B2)."""
