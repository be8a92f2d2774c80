"""What every Platekeeper service shares."""
