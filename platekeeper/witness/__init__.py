"""A witness that a partner agency runs: `platekeeper witness`. It needs nothing of the platform that it watches."""
