import subprocess
import sys


def test_claims_import_neither_torch_nor_hydra() -> None:
    code = "import sys, lossatlas.claims; print({'torch', 'hydra', 'wandb'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
