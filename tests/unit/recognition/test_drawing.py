"""What the models are trained on, as far as it needs no library of the training's own: characters and serials."""

import numpy as np
import pytest

from platekeeper_training.drawing import designs, dies

AMERICAN = [region for region in designs.designs() if region.startswith("us-")]


@pytest.mark.parametrize("character", sorted(dies.SHAPES))
def test_every_way_of_a_character_is_drawn_as_high_as_asked_and_unlike_the_others(character: str) -> None:
    die = dies.die(np.random.default_rng(1))
    ways = [
        dies.Die(die.width, die.weight, die.roundness, die.even, {**die.shapes, character: way}).draw(character, 60)
        for way in range(len(dies.SHAPES[character]))
    ]
    for way in ways:
        inked = np.flatnonzero((way > 127).any(axis=1))
        assert 50 <= inked[-1] - inked[0] <= 70
        assert (way[:, 0] > 0).any(), "cut tight"
    assert len({way.tobytes() for way in ways}) == len(ways)


def test_the_characters_are_those_that_plates_bear() -> None:
    assert set(dies.SHAPES) == set(designs.LETTERS + designs.DIGITS)


def test_all_states_and_the_capital_have_a_design() -> None:
    assert len(AMERICAN) == 51


@pytest.mark.parametrize("region", sorted(designs.designs()))
def test_serials_are_of_the_regions_kind_and_the_same_for_the_same_seed(region: str) -> None:
    design = designs.designs()[region]
    drawn = [design.serial(np.random.default_rng(seed)) for seed in range(60)]
    assert drawn == [design.serial(np.random.default_rng(seed)) for seed in range(60)]
    assert len(set(drawn)) > 50
    for serial in drawn:
        plain = [sign for sign in serial if sign not in designs.SEPARATORS]
        assert set(plain) <= set(designs.LETTERS + designs.DIGITS)
        assert 2 <= len(plain) <= 10


def test_special_and_chosen_serials_are_short_and_never_begin_or_end_with_a_gap() -> None:
    for seed in range(300):
        random = np.random.default_rng(seed)
        for serial in (designs.special(random), designs.vanity(random)):
            plain = [sign for sign in serial if sign not in designs.SEPARATORS]
            assert set(plain) <= set(designs.LETTERS + designs.DIGITS)
            assert 2 <= len(plain) <= 8
            assert serial[0] not in designs.SEPARATORS
            assert serial[-1] not in designs.SEPARATORS
