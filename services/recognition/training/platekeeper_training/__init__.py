"""How the recogniser's models are made: pictures drawn and real, the networks, and the runs that train them."""
