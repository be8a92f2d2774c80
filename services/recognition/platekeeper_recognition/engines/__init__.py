"""Engines that find text in frames and read it; each behind the same two protocols."""
