"""Files that go by address: put into the cluster's S3 server, and signed for whoever is to fetch or put them.

The address of a model must not change from one run to the next, for a changed offer means new servers. So it is signed
once for as long as S3 allows, and kept beside the cluster.
"""

import json
import time
from pathlib import Path

from demo import lines
from demo.answers import digest
from demo.cluster import DemoCluster
from demo.programs import ask_tool
from devcluster.s3 import Store

BUCKET = "demo"
INPUT, OUTPUT = f"{BUCKET}/embeddings.jsonl", f"{BUCKET}/embeddings-answers.jsonl"
_WEEK = 7 * 86_400


def fill(cluster: DemoCluster) -> dict[str, str]:
    """Upload the sentences and the model; what the samples want filled in, by name."""
    there = cluster.store
    there.make_bucket(BUCKET)
    text = lines.embedding_items()
    there.call("PUT", INPUT, text.encode())
    return {
        "EMBEDDINGS_INPUT_URI": there.presigned("GET", INPUT),
        "EMBEDDINGS_INPUT_SHA256": digest(text),
        "EMBEDDINGS_OUTPUT_URI": there.presigned("PUT", OUTPUT),
        "CA_BUNDLE": json.dumps(there.ca.read_text()),
        **_models(cluster),
    }


def answers(store: Store) -> str:
    """What the embeddings job put."""
    return store.call("GET", OUTPUT).decode()


def _models(cluster: DemoCluster) -> dict[str, str]:
    built = {row["name"]: row for row in json.loads(ask_tool("imagebuild", "models"))}
    tinylm = built["tinylm"]
    return {
        "MINILM_SHA256": built["minilm"]["sha256"],
        "TINYLM_SHA256": tinylm["sha256"],
        "TINYLM_URI": _model_address(cluster, Path(tinylm["archive"]), tinylm["sha256"]),
    }


def _model_address(cluster: DemoCluster, archive: Path, sha256: str) -> str:
    name = f"{BUCKET}/models/{sha256[:16]}.tar"
    note = cluster.state.root / "demo-models.json"
    known = json.loads(note.read_text()) if note.exists() else {}
    kept = known.get(name)
    if kept and time.time() < kept["signed"] + _WEEK / 2:
        return str(kept["address"])
    there = cluster.store
    there.call("PUT", name, archive.read_bytes())
    address = there.presigned("GET", name, _WEEK)
    note.write_text(json.dumps({name: {"address": address, "signed": time.time()}}))
    return address
