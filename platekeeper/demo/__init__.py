"""The demonstration: an invented agency with its people, cameras, hot list and street, all through the public API."""
