"""The gateway: what HAProxy is told about our services, the keys that it checks tokens with, and its process."""
