"""A bundle for an outside auditor, made over the public API by who may see the records: `platekeeper audit bundle`."""
