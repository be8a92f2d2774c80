"""What fits on one line that people read: the names, titles and words that stand in registers and on public pages."""


def readable(text: str) -> str:
    """The text, when each of its characters can be seen.

    Raises ValueError for a control character, which a database or a statement in public would not take, and for one
    that hides or turns others around (U+200B, U+202E), so that a page reads otherwise than it is.
    """
    if not text.isprintable():
        raise ValueError("must be one line without control or invisible characters")
    return text
