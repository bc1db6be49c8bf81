"""A validation split out of the training images of a data set that is published without one."""

from lossatlas.data.partition import stratified_split
from lossatlas.data.split import Split


def held_out(train: Split, validation: int) -> dict[str, Split]:
    """Return the split "train" without ``validation`` of its images, and those as "validation" unless there are none.

    Stratified and always the same. ValueError if nothing is left to train on.

    >>> import torch
    >>> train = Split(torch.zeros(6, 1, 2, 2), torch.tensor([0, 0, 0, 1, 1, 1]))
    >>> {name: split.targets.tolist() for name, split in held_out(train, validation=2).items()}
    {'train': [0, 0, 1, 1], 'validation': [0, 1]}
    """
    if not 0 <= validation < len(train):
        raise ValueError(f"validation must be 0 to {len(train) - 1} of the training images, got {validation}")
    if not validation:
        return {"train": train}
    rows = stratified_split(train.targets, {"validation": validation, "train": len(train) - validation})
    return {
        name: Split(train.inputs[rows[name]], train.targets[rows[name]]) for name in ("train", "validation")
    }
