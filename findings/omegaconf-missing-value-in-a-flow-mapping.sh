#!/usr/bin/env bash
# OmegaConf 2.3.1 writes a value that is yet to be given as ???, and reads it from a block mapping, `lr: ???`. In a flow
# mapping or a flow list, `{lr: ???}`, the same marker cannot be read: PyYAML 6.0.3, with which OmegaConf and Hydra read,
# takes a "?" inside {} or [] for the sign of an explicit key, whatever follows it. So a line such as
# `params: {model.depth: ???}` fails where two lines of block style work. In quotes, `{lr: '???'}`, it is read, and
# OmegaConf takes the string for a missing value.
#
# Seen: block style: missing; flow style: ParserError; quoted in flow style: missing
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet omegaconf==2.3.1 PyYAML==6.0.3
"$folder/venv/bin/python" - <<'PYTHON'
import yaml
from omegaconf import OmegaConf

assert OmegaConf.is_missing(OmegaConf.create("lr: ???"), "lr")
print("block style: missing")
for text in ("{lr: ???}", "[???]"):
    try:
        OmegaConf.create(text)
    except yaml.parser.ParserError as error:
        assert "found '?'" in str(error)
    else:
        raise SystemExit(f"{text} is read now")
print("flow style: ParserError")
assert OmegaConf.is_missing(OmegaConf.create("{lr: '???'}"), "lr")
print("quoted in flow style: missing")
PYTHON
