"""Recognition: finds the plates in frames and reads them."""
