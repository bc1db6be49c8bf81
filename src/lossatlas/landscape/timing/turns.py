"""Timing several things by turns, so that what the machine does meanwhile falls on all of them alike."""

import time
from collections.abc import Callable, Mapping

import torch

Clock = Callable[[], float]

CLOCKS: Mapping[str, Clock] = {"wall": time.perf_counter, "processor": time.process_time}
"""Time that passes, and that which the processor spends on this process, all its threads together."""


def whose_turn(number: int, things: int) -> int:
    """Which of so many ``things`` is done as the ``number``-th, where each is done once in a round.

    Each round begins with another one, so that over as many rounds as there are things each has had each place.

    >>> [whose_turn(number, 3) for number in range(9)]
    [0, 1, 2, 1, 2, 0, 2, 0, 1]
    """
    round_, place = divmod(number, things)
    return (place + round_) % things


def seconds_of(
    thing: Callable[[], None], *, times: int, device: torch.device, clock: Clock = time.perf_counter
) -> float:
    """Seconds that ``thing`` takes, in the mean over ``times`` times in a row, after once unmeasured.

    A GPU is waited for before and after the times in a row, not between them, as in training.

    >>> 0.005 < seconds_of(lambda: time.sleep(0.005), times=3, device=torch.device("cpu"))
    True
    """
    thing()
    _wait(device)
    began = clock()
    for _ in range(times):
        thing()
    _wait(device)
    return (clock() - began) / times


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
