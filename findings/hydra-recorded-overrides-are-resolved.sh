#!/usr/bin/env bash
# hydra-core 1.3.8, omegaconf 2.3.1, Python 3.11.
#
# A job that composes a further configuration "as this one, but for ..." reads what it was launched with from
# HydraConfig.get().overrides.task. An override whose value is an interpolation does not come back as it was typed: the
# list of overrides is a node of the configuration, so that reading an element resolves what stands in its text. Of
# b="${a}", where a is the list [1], comes b="[1]", which composes to a text and no longer to a list, and no longer
# follows a. The file .hydra/overrides.yaml of the same job has the override as it was typed.
#
# Seen:
#   composed: b = [1]
#   overrides.task: +a=[1] +b="[1]"
#   composed again: b = '[1]'
#   .hydra/overrides.yaml: +a=[1] +b="${a}"
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet hydra-core==1.3.8 omegaconf==2.3.1
cat > job.py <<'PYTHON'
import hydra
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf


@hydra.main(version_base="1.3", config_path=None)
def main(config):
    recorded = list(HydraConfig.get().overrides.task)
    again = GlobalHydra.instance().hydra.compose_config(None, recorded, run_mode=RunMode.RUN)
    print("composed: b =", OmegaConf.to_container(config, resolve=True)["b"])
    print("overrides.task:", *recorded)
    print("composed again: b =", repr(again.b))


main()
PYTHON
env/bin/python job.py hydra.run.dir=out '+a=[1]' '+b="${a}"' | tee seen
echo ".hydra/overrides.yaml:" $(sed 's/^- //' out/.hydra/overrides.yaml) | tee -a seen
diff seen - <<'SEEN'
composed: b = [1]
overrides.task: +a=[1] +b="[1]"
composed again: b = '[1]'
.hydra/overrides.yaml: +a=[1] +b="${a}"
SEEN
