"""What the models are trained on, as far as it needs no library of the training's own: characters and serials."""

import numpy as np
import pytest

from platekeeper_training.drawing import art, designs, dies

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


def test_what_is_painted_on_a_real_plate_is_cut_out_along_its_outline() -> None:
    plate = np.full((125, 250, 3), 200, np.uint8)
    plate += np.linspace(0, 40, 125, dtype=np.uint8)[:, None, None]
    plate[30:100, 55:90] = (20, 30, 40)
    (between,) = art.blanks({"wy2000": plate})[1]
    assert between.region == "us-wy"
    painted = (between.picture < 100).all(axis=2)
    assert painted.sum() == 70 * 35
    assert between.cover[painted].min() > 0.4
    assert np.median(between.cover[~painted]) == 0


@pytest.mark.parametrize(("name", "taken"), [("ok2009", 0.29), ("ga2007", 0.0), ("nv2001", 0.0), ("wy2000", None)])
def test_a_serial_on_a_real_plate_leaves_art_beside_it_free(name: str, taken: float | None) -> None:
    whole, _ = art.blanks({name: np.zeros((125, 250, 3), np.uint8)})
    assert [(blank.region, blank.taken) for blank in whole] == ([] if taken is None else [(f"us-{name[:2]}", taken)])


@pytest.mark.parametrize("place", [(10, 10, 40, 30), (-15, -20, 60, 60), (70, 30, 60, 40), (20, 5, 4, 80)])
def test_art_is_put_where_it_is_wanted_and_cut_off_at_the_rims(place: tuple[float, float, float, float]) -> None:
    piece = art.Art("us-wy", np.zeros((50, 40, 3), np.uint8), np.ones((50, 40), np.float32))
    picture = np.full((60, 100, 3), 255, np.float32)
    art.put(picture, piece, place, np.random.default_rng(3))
    down, across = np.nonzero((picture != 255).any(axis=2))
    assert len(down) > 0
    assert place[0] - 1 <= across.min() <= across.max() <= place[0] + place[2]
    assert place[1] - 1 <= down.min() <= down.max() <= place[1] + place[3]
