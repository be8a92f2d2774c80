"""Who searched this plate: the question that an auditor, or the subject of one, asks of the log."""
