"""Commands as the terminal gives them, in the test's own process."""

import os

from platekeeper.cli import main


def platekeeper(*words: object) -> int:
    """The command's exit status; what it sets for its own process is set back."""
    umask = os.umask(0o077)
    try:
        return main([str(word) for word in words])
    finally:
        os.umask(umask)
