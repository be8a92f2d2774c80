"""What `stream.py` is made of: the stack it measures, the traffic, the connections, the listener, the yardstick."""
