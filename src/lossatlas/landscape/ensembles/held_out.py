"""Splits on which something of an ensemble is decided."""

from lossatlas.landscape.problem import Problem

_NEVER = "test"  # what is decided on it has no new examples left to be judged on


def check_held_out(problem: Problem, key: str, split: str | None, done: str) -> None:
    """Raise ValueError, naming ``key``, for a split that the data has not, or that is kept for judging.

    ``done`` says in the message what members are on it, such as "chosen"; None is no split, and right.

    >>> import torch
    >>> problem = Problem(torch.nn.Linear(1, 1), torch.nn.MSELoss(), {"train": (torch.ones(1, 1), torch.ones(1, 1))})
    >>> check_held_out(problem, "choose_on", "valid", "chosen")
    Traceback (most recent call last):
    ValueError: choose_on: the data has no split 'valid' on which members could be chosen, it has train
    """
    if split == _NEVER:
        raise ValueError(
            f"{key}: members are never {done} on the split {_NEVER!r}, on which they are then judged"
        )
    if split is not None and split not in problem.data:
        has = ", ".join(problem.data)
        raise ValueError(
            f"{key}: the data has no split {split!r} on which members could be {done}, it has {has}"
        )
