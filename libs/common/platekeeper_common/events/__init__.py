"""Past-tense facts that ride on the bus, a file per room that says them."""
