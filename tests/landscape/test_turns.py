"""Turns on a clock that the things themselves move."""

from collections import Counter
from collections.abc import Callable

import pytest
import torch

from lossatlas.landscape.step_timing import seconds_of, whose_turn

CPU = torch.device("cpu")


class Hands:
    """A clock that stands still but for what is done."""

    def __init__(self) -> None:
        self.now, self.done = 0.0, 0

    def thing(self, seconds: float, first: float) -> Callable[[], None]:
        """Takes ``seconds``, and ``first`` more the first time."""

        def do() -> None:
            self.now += seconds + (first if not self.done else 0.0)
            self.done += 1

        return do


def test_a_thing_takes_what_it_takes_and_its_first_time_does_not_count() -> None:
    hands = Hands()
    thing = hands.thing(2.0, first=100.0)
    assert seconds_of(thing, times=4, device=CPU, clock=lambda: hands.now) == 2.0
    assert hands.done == 5


@pytest.mark.parametrize("things", [1, 2, 5])
def test_each_thing_has_its_turn_in_each_round_and_each_place_in_as_many_rounds(things: int) -> None:
    rounds = [[whose_turn(things * r + place, things) for place in range(things)] for r in range(things)]
    assert all(sorted(one) == list(range(things)) for one in rounds)
    places = Counter((thing, place) for one in rounds for place, thing in enumerate(one))
    assert set(places.values()) == {1}
    assert len(places) == things**2
