"""When members of an ensemble are kept: at the lowest rates, or at equal distances."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer

from lossatlas.data import ImageData
from lossatlas.optim import Cosine, CyclicCosine, Step, Triangular, WarmRestarts
from lossatlas.runs.run_files import Members
from lossatlas.studies import CheckpointEnsemble, Classifier, SnapshotEnsemble

Kept = Callable[..., list[tuple[int, float, torch.Tensor]]]


@pytest.fixture
def kept(make_study: Callable[..., Classifier], make_trainer: Callable[..., Trainer]) -> Kept:
    """Function that trains a study: the step, rate and weights of each of its members."""

    def train(kind: type, epochs: int, **changed: Any) -> list[tuple[int, float, torch.Tensor]]:
        study = make_study(kind, epochs=epochs, **changed)
        members: list[tuple[int, float, torch.Tensor]] = []

        def save(number: int) -> None:
            assert number == len(members)
            weights = torch.cat([p.detach().flatten() for p in study.network.parameters()])
            members.append((study.global_step, study.rate_in_use, weights))

        make_trainer(max_epochs=epochs, callbacks=[Members(save)], enable_checkpointing=True).fit(study)
        final = torch.cat([p.detach().flatten() for p in study.network.parameters()])
        if members and members[-1][0] == epochs * 3:
            assert torch.equal(members[-1][2], final)
        return members

    return train


@pytest.mark.parametrize(
    ("schedule", "steps", "rates"),
    [
        # 24 steps of rate 0.1 in cycles of 8: the last of each is at 0.05 (1 + cos(7 pi / 8))
        (CyclicCosine(epochs=8, cycles=3), [8, 16, 24], [0.0038060] * 3),
        # in cycles of 5, 5, 5, 5 and 4: 0.05 (1 + cos(4 pi / 5)), and 0.05 (1 + cos(3 pi / 4)) in the last
        (CyclicCosine(epochs=8, cycles=5), [5, 10, 15, 20, 24], [0.0095492] * 4 + [0.0146447]),
        # periods of 3, 6 and 12 steps end after epochs 1, 3 and 7
        (WarmRestarts(period=1, growth=2), [3, 9, 21], [0.025, 0.0066987, 0.0017037]),
        # cycles of 6 steps: members in their middles at 0.2 of the rate
        (Triangular(cycle=2, floor=0.2), [3, 9, 15, 21], [0.02] * 4),
        (Triangular(cycle=10, floor=0.2, unit="steps"), [5, 15], [0.02] * 2),
    ],
    ids=["cosine", "cosine, uneven", "warm restarts", "triangular", "triangular in steps"],
)
def test_snapshots_are_kept_where_the_rate_is_lowest(
    kept: Kept, schedule: Any, steps: list[int], rates: list[float]
) -> None:
    members = kept(SnapshotEnsemble, 8, schedule=schedule)
    assert [step for step, _, _ in members] == steps
    assert [rate for _, rate, _ in members] == pytest.approx(rates, abs=1e-7)
    assert len({weights.sum().item() for _, _, weights in members}) == len(members)


@pytest.mark.parametrize(
    ("when", "steps"),
    [
        ({"members": 4}, [3, 6, 9, 12]),
        ({"members": 5}, [3, 5, 8, 10, 12]),  # 2.4, 4.8, 7.2, 9.6, 12, rounded up
        ({"members": 1}, [12]),
        ({"after": [1, 2.5, 4]}, [3, 8, 12]),
        ({"after": [2]}, [6]),
    ],
    ids=str,
)
def test_checkpoints_are_kept_at_equal_distances_or_when_asked_for(
    kept: Kept, when: dict[str, Any], steps: list[int]
) -> None:
    members = kept(CheckpointEnsemble, 4, **when)
    assert [step for step, _, _ in members] == steps


def test_keeping_members_does_not_change_training(
    make_study: Callable[..., Classifier], make_trainer: Callable[..., Trainer]
) -> None:
    schedule = CyclicCosine(epochs=4, cycles=2)
    studies = [
        make_study(schedule=schedule),
        make_study(SnapshotEnsemble, epochs=4, schedule=schedule),
        make_study(CheckpointEnsemble, epochs=4, members=3, schedule=schedule),
    ]
    for study in studies:
        make_trainer(max_epochs=4, callbacks=[Members(lambda number: None)], enable_checkpointing=True).fit(
            study
        )
    first, *others = [study.network.state_dict() for study in studies]
    assert all(torch.equal(first[name], other[name]) for other in others for name in first)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (
            SnapshotEnsemble,
            {"schedule": Cosine(4)},
            "and Cosine has no cycles: expected scheduler=cyclic_cosine",
        ),
        (
            SnapshotEnsemble,
            {"schedule": Step([2])},
            "and Step has no cycles: expected scheduler=cyclic_cosine",
        ),
        (SnapshotEnsemble, {"schedule": CyclicCosine(4, 13)}, "^13 cycles do not fit in 12 steps"),
        (
            SnapshotEnsemble,
            {"schedule": WarmRestarts(5)},
            r"no cycle of the schedule ends within 4 epochs \(12 s",
        ),
        (
            SnapshotEnsemble,
            {"schedule": Triangular(6, 0.2)},
            "a cycle of 18 steps is longer than the run, which has 12",
        ),
        (SnapshotEnsemble, {"schedule": Triangular(1, 0.2)}, "a cycle of 1 epochs is 3 steps, an odd number"),
        (CheckpointEnsemble, {}, "give either members or after, got members=None and after=None"),
        (CheckpointEnsemble, {"members": 2, "after": [1]}, "give either members or after, got members=2"),
        (CheckpointEnsemble, {"members": 13}, "members must be 1 to the 12 steps of training, got 13"),
        (CheckpointEnsemble, {"members": 0}, "members must be 1 to the 12 steps of training, got 0"),
        (
            CheckpointEnsemble,
            {"after": [2, 1]},
            r"after: expected ascending epochs within \(0, 4\], got \[2, 1\]",
        ),
        (
            CheckpointEnsemble,
            {"after": [1, 5]},
            r"after: expected ascending epochs within \(0, 4\], got \[1, 5\]",
        ),
        (CheckpointEnsemble, {"after": [0]}, r"after: expected ascending epochs within \(0, 4\], got \[0\]"),
    ],
)
def test_an_ensemble_that_cannot_be_had_is_refused_before_training(
    make_study: Callable[..., Classifier],
    data: ImageData,
    kind: type,
    arguments: dict[str, Any],
    message: str,
) -> None:
    assert data.steps_per_epoch == 3
    with pytest.raises(ValueError, match=message):
        make_study(kind, epochs=4, **arguments)
