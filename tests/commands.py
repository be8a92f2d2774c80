"""Commands as the terminal gives them, in the test's own process."""

from platekeeper import cli


def platekeeper(*words: object) -> int:
    """The command's exit status."""
    return cli.run([str(word) for word in words])
