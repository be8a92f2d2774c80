"""Who approved whose access, to what, and when that is reviewed (clause A8)."""
