"""Directions from a file that the code of Li et al. 2018 wrote."""

from dataclasses import replace
from pathlib import Path

import h5py
import torch
from torch import Tensor, nn

from lossatlas.landscape.directions.direction_set import DirectionSet, fixed_directions
from lossatlas.landscape.problem import Problem
from lossatlas.weight_space import parameters, state


class DirectionFile:
    """The directions of x and, if it is there, of y in an HDF5 file of Li et al.'s code, as they stand there.

    With these a survey has the numbers of the code on the same network: as in that code, running variances that they
    carry below zero stay, and the loss is NaN there.

    Parameters
    ----------
    path : str or Path
        The file, which has their tensors by number: of the parameters in the network's order ("weights"), or of the
        whole state dict ("states").

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "directions.h5"
    >>> with h5py.File(path, "w") as file:
    ...     file["xdirection/0"], file["xdirection/1"] = [[3.0, 4.0]], [0.0]
    >>> problem = Problem(nn.Linear(2, 1), nn.MSELoss(), {"train": (torch.ones(1, 2), torch.ones(1, 1))})
    >>> DirectionFile(path).of(problem).draw(0)
    {'weight': tensor([[3., 4.]]), 'bias': tensor([0.])}
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def of(self, problem: Problem) -> DirectionSet:
        """The directions at the network of ``problem``.

        ValueError if the file is no such file, or its tensors are not those of the network; FileNotFoundError.
        """
        directions = [self._named(tensors, problem.model) for tensors in self._read()]
        options = {"normalize": "none", "ignore": "none"}
        return replace(fixed_directions("file", directions, options, problem.model), clamp=False)

    def _read(self) -> list[list[Tensor]]:
        if not self._path.exists():
            raise FileNotFoundError(f"{self._path}: there is no such file")
        try:
            with h5py.File(self._path) as file:
                groups = [file[name] for name in ("xdirection", "ydirection") if name in file]
                read = [[torch.as_tensor(group[str(k)][()]) for k in range(len(group))] for group in groups]
        except (OSError, KeyError, TypeError) as error:
            raise ValueError(f"{self._path}: no file of directions ({error})") from error
        if not read:
            raise ValueError(f"{self._path}: no file of directions (it has no xdirection)")
        return read

    def _named(self, tensors: list[Tensor], model: nn.Module) -> dict[str, Tensor]:
        for names in (list(parameters(model)), list(model.state_dict())):
            if len(names) == len(tensors):
                moving = state(model)
                return {name: tensor for name, tensor in zip(names, tensors, strict=True) if name in moving}
        known = f"{len(parameters(model))} parameters and {len(model.state_dict())} tensors in its state dict"
        raise ValueError(f"{self._path}: a direction of {len(tensors)} tensors, but the network has {known}")
