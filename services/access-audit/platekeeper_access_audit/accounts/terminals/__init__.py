"""Terminals: the registered workstations at which people sign on."""
