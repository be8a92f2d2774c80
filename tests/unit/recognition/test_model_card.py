"""The model card says which files the models are."""

import hashlib
import re
from pathlib import Path

import pytest

from platekeeper.bench import weights

FILES = sorted(path for path in weights.FOLDER.iterdir() if path.suffix in weights.SUFFIXES)
CARD = (weights.FOLDER / "README.md").read_text()
MOST_BYTES = 15_000_000


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_is_in_the_card_as_it_is_and_no_larger_than_it_may_be(path: Path) -> None:
    content = path.read_bytes()
    assert f"| {path.name} | {len(content):,} | `{hashlib.sha256(content).hexdigest()}` |" in CARD, (
        "the card is of other files; `platekeeper bench recognition --page` writes it anew"
    )
    assert len(content) <= MOST_BYTES


def test_the_card_lists_no_other_file() -> None:
    assert re.findall(r"^\| ([\w.-]+) \| [\d,]+ \| `[0-9a-f]{64}` \|$", CARD, re.MULTILINE) == [
        path.name for path in FILES
    ]
