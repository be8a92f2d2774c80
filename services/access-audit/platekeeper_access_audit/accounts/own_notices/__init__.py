"""Notices: what a person is told of the own account, and the devices that it is known to be used from."""
