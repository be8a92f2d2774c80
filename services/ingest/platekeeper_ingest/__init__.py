"""Receives frames and reads from registered devices, and keeps the register of devices and cameras."""
