"""MNIST on tiny files in the format of the real ones (tests/conftest.py)."""

import gzip
import hashlib
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from torchvision.datasets import MNIST
from torchvision.transforms import v2

from lossatlas.data import ImageData, mnist
from lossatlas.experiments.cost.survey_cost import blank_data, split_sizes
from lossatlas.models import MobileNetV2, ResNet

load = partial(mnist, batch_size=10, shape=[1, 28, 28], classes=10)
FILES = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def web(tiny_mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folder of the four compressed files, served on this machine in place of the web."""
    folder = tmp_path / "web"
    folder.mkdir()
    sums = []
    for name in FILES:
        data = gzip.compress((tiny_mnist / "MNIST" / "raw" / name).read_bytes())
        (folder / f"{name}.gz").write_bytes(data)
        sums.append((f"{name}.gz", hashlib.md5(data).hexdigest()))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=folder)) as server:
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        monkeypatch.setattr(MNIST, "resources", sums)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder
        server.shutdown()
        thread.join()


def test_each_image_has_the_pixels_and_the_class_that_torchvision_gives_it(tiny_mnist: Path) -> None:
    data = load(root=tiny_mnist)
    assert list(data.splits) == ["train", "test"]
    for split, train, size in [("train", True, 100), ("test", False, 20)]:
        images, targets = data.splits[split].inputs, data.splits[split].targets
        theirs = [(v2.functional.pil_to_tensor(image), target) for image, target in MNIST(tiny_mnist, train)]
        assert len(theirs) == size
        assert images.dtype == torch.uint8
        assert torch.equal(images, torch.stack([image for image, _ in theirs]))
        assert targets.tolist() == [target for _, target in theirs]


def test_whole_splits_are_normalised_as_the_examples_of_torch_do(tiny_mnist: Path) -> None:
    """Normalize((0.1307,), (0.3081,)) after ToTensor, in pytorch/examples/mnist."""
    data = load(root=tiny_mnist)
    inputs, _ = data.normalized("train")
    expected = v2.functional.normalize(data.splits["train"].inputs / 255, [0.1307], [0.3081])
    torch.testing.assert_close(inputs, expected, rtol=1e-5, atol=1e-6)


def test_padding_puts_black_around_the_images_and_nothing_else(tiny_mnist: Path) -> None:
    plain, padded = load(root=tiny_mnist), load(root=tiny_mnist, pad=2, shape=[1, 32, 32])
    images = padded.splits["test"].inputs
    assert torch.equal(images[:, :, 2:30, 2:30], plain.splits["test"].inputs)
    assert images.sum() == plain.splits["test"].inputs.sum()
    assert images.shape == (20, 1, 32, 32)


@pytest.mark.parametrize(("pad", "side"), [(0, 28), (2, 32)])
@pytest.mark.parametrize("network", [partial(ResNet, 32), MobileNetV2], ids=["resnet32", "mobilenetv2"])
def test_the_networks_of_cifar_take_the_images_as_they_are_and_padded(
    tiny_mnist: Path, network: Callable[..., torch.nn.Module], pad: int, side: int
) -> None:
    data = load(root=tiny_mnist, pad=pad, shape=[1, side, side])
    inputs, _ = data.batch(seed=0, step=0)
    assert network(input_shape=data.shape, classes=data.classes)(inputs).shape == (10, 10)


def test_validation_images_are_taken_from_the_training_set_and_stratified(tiny_mnist: Path) -> None:
    parts = load(root=tiny_mnist, validation=30)
    assert parts.splits["validation"].targets.bincount().tolist() == [3] * 10
    assert parts.splits["train"].targets.bincount().tolist() == [7] * 10


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"classes": 100}, "classes is declared as 100, but MNIST has 10"),
        (
            {"shape": [1, 32, 32]},
            r"shape is declared as \[1, 32, 32\], but the train images are \[1, 28, 28\]",
        ),
        ({"pad": -1}, "pad counts pixels and must be >= 0, got -1"),
        ({"validation": 100}, "validation must be 0 to 99 of the training images, got 100"),
    ],
)
def test_what_contradicts_the_data_is_refused(
    tiny_mnist: Path, arguments: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        load(**{"root": tiny_mnist, **arguments})


def test_a_data_set_that_is_not_there_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=f"MNIST is not in {tmp_path}: type data.download=true, which fetches"
    ):
        load(root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def lose_a_label_or_a_row(path: Path) -> None:
    """One image or label less, and the header says so."""
    data = path.read_bytes()
    count = int.from_bytes(data[4:8], "big")
    size = (len(data) - (16 if "images" in path.name else 8)) // count
    path.write_bytes(data[:4] + (count - 1).to_bytes(4, "big") + data[8:-size])


def put_text(path: Path) -> None:
    path.write_bytes(b"<html>log in first</html>")


@pytest.mark.parametrize("damage", [Path.unlink, cut_off, empty, lose_a_label_or_a_row, put_text])
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_or_damaged_is_refused(
    tiny_mnist: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(tiny_mnist / "MNIST" / "raw" / name)
    with pytest.raises(
        ValueError, match=r"raw is incomplete or damaged: remove it and type data\.download=true$"
    ):
        load(root=tiny_mnist)


def test_download_fetches_and_unpacks_once(web: Path, tmp_path: Path) -> None:
    root = tmp_path / "new" / "data"
    first = load(root=root, download=True)
    shutil.rmtree(web)
    for archive in (root / "MNIST" / "raw").glob("*.gz"):
        archive.unlink()
    again = load(root=root, download=True)
    assert torch.equal(first.splits["train"].inputs, again.splits["train"].inputs)


def test_download_takes_archives_that_lie_there_and_mends_a_folder_that_is_not_whole(
    web: Path, tiny_mnist: Path
) -> None:
    folder = tiny_mnist / "MNIST" / "raw"
    for archive in list(web.iterdir()):
        shutil.move(archive, folder)
    (folder / FILES[1]).unlink()
    assert len(load(root=tiny_mnist, download=True).splits["train"]) == 100


def test_a_download_that_fails_says_where_to_put_the_files(web: Path, tmp_path: Path) -> None:
    (web / f"{FILES[2]}.gz").write_bytes(b"<html>log in first</html>")
    with pytest.raises(
        ConnectionError, match=f"could not be fetched; put the four files .* {tmp_path / 'new'}"
    ):
        load(root=tmp_path / "new", download=True)


def test_its_sizes_are_known_without_it() -> None:
    node = {"_target_": "lossatlas.data.mnist", "shape": [1, 28, 28], "classes": 10, "batch_size": 128}
    assert split_sizes({"data": node}) == {"train": 60_000, "test": 10_000}
    assert split_sizes({"data": {**node, "validation": 5000}})["train"] == 55_000
    blank = blank_data({"data": node})
    assert isinstance(blank, ImageData)
    assert blank.steps_per_epoch == 469
