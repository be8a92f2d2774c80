"""Who may (accounts) and who did (the ledger): two services with a database each."""
