"""Direction files in the layout of the code of Li et al. 2018: reading and writing them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import h5py
import torch
from torch import Tensor, nn

from lossatlas.files import replacing
from lossatlas.landscape.directions.direction_set import DirectionSet, fixed_directions
from lossatlas.landscape.problem import Problem
from lossatlas.layers import BATCH_NORM
from lossatlas.weight_space import check_alike, parameters, state

_GROUPS = ("xdirection", "ydirection")
_ORDER = "channel_order"  # of the network, and of a file that we wrote
_THEIR_ORDER = "newest first"  # of the densely connected networks in their code


@dataclass(frozen=True, eq=False)
class _Content:
    """What a file holds."""

    directions: list[list[Tensor]]  # of each direction the tensors in their order
    channel_order: str


class DirectionFile:
    """The directions of x and, if it is there, of y in an HDF5 file of Li et al.'s code, as they stand there.

    With these a survey has the numbers of the code on the same network: as in that code, running variances that they
    carry below zero stay, and the loss is NaN there.

    The network must be the one of their code, which a file does not name. Its VGG-9 has biases before batch norm, so
    that its tensors are more than those of one without; its DenseNet puts new channels in front, which shapes do not
    tell: a network that says by its attribute ``channel_order`` that it does otherwise is refused
    (`lossatlas.models.VGG` and `lossatlas.models.DenseNet` with ``convention="li2018"`` are theirs).

    Parameters
    ----------
    path : str or Path
        The file, which has their tensors by number: of the parameters in the network's order ("weights"), or of the
        whole state dict ("states"). `write_directions` writes such files.

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
        content = self._read()
        self._check_order(content.channel_order, problem.model)
        directions = [self._named(tensors, problem.model) for tensors in content.directions]
        options = {"normalize": "none", "ignore": "none"}
        return replace(fixed_directions("file", directions, options, problem.model), clamp=False)

    def _check_order(self, order: str, model: nn.Module) -> None:
        """Refuse a network that joins its channels in another order, in which no shape differs."""
        own = getattr(model, _ORDER, order)
        if own != order:
            theirs = ", as the code of Li et al. has it (convention=li2018)" if order == _THEIR_ORDER else ""
            raise ValueError(
                f"{self._path}: directions of a {type(model).__name__} with the {order} of its channels{theirs}, "
                f"but the network has the {own}"
            )

    def _read(self) -> _Content:
        if not self._path.exists():
            raise FileNotFoundError(f"{self._path}: there is no such file")
        try:
            with h5py.File(self._path) as file:
                groups = [file[name] for name in _GROUPS if name in file]
                read = [[torch.as_tensor(group[str(k)][()]) for k in range(len(group))] for group in groups]
                order = str(file.attrs.get(_ORDER, _THEIR_ORDER))
        except (OSError, KeyError, TypeError) as error:
            raise ValueError(f"{self._path}: no file of directions ({error})") from error
        if not read:
            raise ValueError(f"{self._path}: no file of directions (it has no xdirection)")
        return _Content(read, order)

    def _named(self, tensors: list[Tensor], model: nn.Module) -> dict[str, Tensor]:
        for names in (list(parameters(model)), list(model.state_dict())):
            if len(names) == len(tensors):
                moving = state(model)
                return {name: tensor for name, tensor in zip(names, tensors, strict=True) if name in moving}
        known = f"{len(parameters(model))} parameters and {len(model.state_dict())} tensors in its state dict"
        raise ValueError(
            f"{self._path}: a direction of {len(tensors)} tensors, but the network has {known}{_hint(tensors, model)}"
        )


def _hint(tensors: list[Tensor], model: nn.Module) -> str:
    """What may be the matter with a network of another number of tensors."""
    norms = sum(isinstance(module, BATCH_NORM) for module in model.modules())
    if norms and len(tensors) - norms in (len(parameters(model)), len(model.state_dict())):
        return f"; with biases before its {norms} batch norms, as the code of Li et al. has, it would have as many"
    return ""


def write_directions(
    path: str | Path, model: nn.Module, x: Mapping[str, Tensor], y: Mapping[str, Tensor] | None = None
) -> Path:
    """Write one direction or two as the code of Li et al. reads them with ``--dir_file``, and `DirectionFile` does.

    Parameters
    ----------
    path : str or Path
        The file; one that is there is replaced.
    model : nn.Module
        The network, for the order of its tensors.
    x : mapping
        Tensors by the names of parameters, and perhaps of running statistics; what is not named does not move. With
        statistics the file is one of "states" (``--dir_type states``), else one of "weights".
    y : mapping, optional
        A second direction; None: the file has one.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If a direction names what ``model`` has not, or has another shape.

    Examples
    --------
    >>> import tempfile
    >>> from lossatlas.landscape.directions import RandomDirections
    >>> network = nn.Linear(2, 1)
    >>> problem = Problem(network, nn.MSELoss(), {"train": (torch.ones(1, 2), torch.ones(1, 1))})
    >>> x, y = RandomDirections(convention="li2018").of(problem).take(2)
    >>> path = write_directions(Path(tempfile.mkdtemp()) / "directions.h5", network, x, y)
    >>> torch.equal(DirectionFile(path).of(problem).draw(1)["weight"], y["weight"])
    True
    """
    path = Path(path)
    directions = [x] if y is None else [x, y]
    everything, own = dict(model.state_dict()), parameters(model)
    for direction in directions:
        check_alike(
            {name: everything[name] for name in everything if name in direction}, direction, "the direction"
        )
    moved = any(name not in own for direction in directions for name in direction)
    like = everything if moved else own
    content = BytesIO()  # HDF5 itself brings the process down when the disk is full
    with h5py.File(content, "w") as file:
        for group, direction in zip(_GROUPS, directions, strict=False):
            for number, (name, tensor) in enumerate(like.items()):
                file[f"{group}/{number}"] = (
                    direction.get(name, torch.zeros_like(tensor)).detach().cpu().numpy()
                )
        if order := getattr(model, _ORDER, None):
            file.attrs[_ORDER] = order
    with replacing(path) as temporary:
        temporary.write_bytes(content.getvalue())
    return path
