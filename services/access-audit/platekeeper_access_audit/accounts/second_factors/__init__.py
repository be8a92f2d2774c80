"""Second factors: a code of an authenticator application, and recovery codes for when it is lost."""
