"""Train a `Stranger` in two processes of four images a batch each; started by its test, and by Lightning once more."""

import sys
from pathlib import Path

import torch
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

sys.path.insert(0, str(Path(__file__).parent))

from test_push_from_checkpoints import Stranger, force, trained

from lossatlas.studies import PushFromCheckpoints


class InOrder(Stranger):
    """Each of the processes sees every other image, in their order."""

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        images = TensorDataset(*self.examples())
        return DataLoader(
            images, batch_size=self.batch_size, sampler=DistributedSampler(images, shuffle=False)
        )


if __name__ == "__main__":
    folder, accumulated = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    module, push = InOrder(batch_size=4), PushFromCheckpoints(force(), epochs=[0, 2])
    fitted = trained(
        module,
        push,
        devices=2,
        strategy=DDPStrategy(process_group_backend="gloo"),
        accumulate_grad_batches=accumulated,
    )
    weights = [parameter.detach() for parameter in module.parameters()]
    torch.save({"weights": weights, "metrics": push.metrics}, folder / f"{fitted.global_rank}.pt")
