"""Who may: agencies, accounts, posts, training, and the tokens of people and devices."""
