"""Sentence embeddings on Triton's python backend: tokenize, run the ONNX graph, one unit vector per text.

The ONNX graph (build_models.py writes it) holds the encoder, the mean over the tokens and the normalization. The
tokenizer lies beside config.pbtxt, where whoever meters this model finds it; its file says after how many tokens a text
is cut.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import triton_python_backend_utils as triton
from tokenizers import Encoding, Tokenizer

MOST_TEXTS = 256
"""Texts in one request: bounds the memory that one request can take."""


class TritonPythonModel:
    """What Triton calls."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the encoder and the tokenizer, once per instance."""
        entry = Path(args["model_repository"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(json.loads(args["model_config"])["parameters"]["threads"]["string_value"])
        graph = entry / args["model_version"] / "model.onnx"
        self.encoder = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(entry / "tokenizer.json"))
        self.tokenizer.enable_padding()

    def execute(self, requests: list[triton.InferenceRequest]) -> list[triton.InferenceResponse]:
        """Answer each request by itself."""
        return [self._answer(triton.get_input_tensor_by_name(request, "text").as_numpy()) for request in requests]

    def _answer(self, texts: np.ndarray) -> triton.InferenceResponse:
        if not 0 < texts.size <= MOST_TEXTS:
            return _refusal(f"text holds {texts.size} texts: give 1 to {MOST_TEXTS}")
        try:
            encodings = self.tokenizer.encode_batch([text.decode() for text in texts.reshape(-1)])
        except UnicodeDecodeError as error:
            return _refusal(f"text is not UTF-8: {error}")
        return self._embed(encodings)

    def _embed(self, encodings: list[Encoding]) -> triton.InferenceResponse:
        mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.int32)
        feed = {
            "input_ids": np.array([encoding.ids for encoding in encodings], dtype=np.int32),
            "token_type_ids": np.array([encoding.type_ids for encoding in encodings], dtype=np.int32),
            "attention_mask": mask,
        }
        (embedding,) = self.encoder.run(None, feed)
        tokens = mask.sum(axis=1, dtype=np.int32)
        return triton.InferenceResponse([triton.Tensor("embedding", embedding), triton.Tensor("tokens", tokens)])


def _refusal(reason: str) -> triton.InferenceResponse:
    return triton.InferenceResponse(error=triton.TritonError(reason, triton.TritonError.INVALID_ARG))
