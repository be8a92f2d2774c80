"""The groups of commands: what each adds to the command line, and what it does; it imports what it needs when given."""
