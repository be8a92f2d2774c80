"""Stated confidences are turned into how often they were right."""

import numpy as np
import pytest

from platekeeper_training.calibration import rising


def _line(stated: "np.ndarray[tuple[int], np.dtype[np.float64]]", right: object) -> list[list[float]]:
    found = np.asarray(right, np.bool_)
    return rising(stated, found, np.ones(len(stated)))


def test_a_network_that_is_too_sure_is_brought_down() -> None:
    random = np.random.default_rng(1)
    stated = random.uniform(0.5, 1.0, 4000)
    line = np.array(_line(stated, random.random(4000) < stated - 0.2))
    for at in (0.6, 0.75, 0.9):
        assert np.interp(at, line[:, 0], line[:, 1]) == pytest.approx(at - 0.2, abs=0.05)


def test_the_line_rises_from_nothing_to_the_end_even_where_the_network_is_wrong_the_surer_it_is() -> None:
    stated = np.linspace(0.01, 0.99, 200)
    line = np.array(_line(stated, stated < 0.5))
    assert (np.diff(line[:, 0]) > 0).all()
    assert (np.diff(line[:, 1]) >= 0).all()
    assert line[0].tolist() == [0, 0]
    assert line[-1, 0] == 1


def test_what_counts_more_moves_the_line_more() -> None:
    stated, right = np.array([0.8] * 10), np.array([True] * 5 + [False] * 5)
    heavy = rising(stated, right, np.array([9.0] * 5 + [1.0] * 5))
    assert (
        heavy[1][1]
        > rising(stated, right, np.ones(10))[1][1]
        > rising(stated, ~right, np.array([9.0] * 5 + [1.0] * 5))[1][1]
    )
