"""Sessions: what a sign-on begins, a refresh token carries on, and idleness locks."""
