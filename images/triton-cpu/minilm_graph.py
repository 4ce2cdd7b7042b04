"""The ONNX graph of all-MiniLM-L6-v2: BERT encoder, mean over the tokens that the mask keeps, vectors of length 1.

ONNX Runtime's fused operators (com.microsoft) keep the graph small and quick on a CPU. Tensor names in the weights are
those of Hugging Face's BertModel; its linear weights are (outputs, inputs), so each is transposed.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

LAYERS, HEADS, WIDTH = 6, 12, 384
EPSILON = 1e-12
INPUTS = ("input_ids", "token_type_ids", "attention_mask")
FUSED = "com.microsoft"


class _Graph:
    """Collects nodes and constants; hands out the names of values."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[TensorProto] = []
        self.names = (f"v{number}" for number in count())

    def constant(self, array: np.ndarray) -> str:
        name = next(self.names)
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weight(self, name: str) -> str:
        array = self.weights[name]
        return self.constant(array.T if "LayerNorm" not in name and "embeddings" not in name else array)

    def add(self, operator: str, *inputs: str, domain: str = "", output: str = "", **attributes: float) -> str:
        output = output or next(self.names)
        self.nodes.append(helper.make_node(operator, list(inputs), [output], domain=domain, **attributes))
        return output


def encoder(weights: Mapping[str, np.ndarray]) -> ModelProto:
    """INT32 ids, types and mask, each (texts, tokens) -> FP32 embedding (texts, 384)."""
    graph = _Graph(weights)
    state = _embed(graph)
    for layer in range(LAYERS):
        state = _layer(graph, f"encoder.layer.{layer}.", state)
    _pool(graph, state)
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, ["texts", "tokens"]) for name in INPUTS]
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", WIDTH])]
    proto = helper.make_graph(graph.nodes, "minilm", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=8, producer_name="cocoon-fleet")


def _embed(graph: _Graph) -> str:
    tables = [graph.weight(f"embeddings.{kind}_embeddings.weight") for kind in ("word", "position", "token_type")]
    norm = [graph.weight(f"embeddings.LayerNorm.{part}") for part in ("weight", "bias")]
    state = next(graph.names)
    inputs = ["input_ids", "token_type_ids", *tables, *norm, "attention_mask"]
    outputs = [state, next(graph.names)]
    graph.nodes.append(helper.make_node("EmbedLayerNormalization", inputs, outputs, domain=FUSED, epsilon=EPSILON))
    return state


def _layer(graph: _Graph, layer: str, state: str) -> str:
    """One transformer block, norms after the residuals as in the original BERT."""
    attention = layer + "attention."
    parts = [f"{attention}self.{part}." for part in ("query", "key", "value")]
    weight = graph.constant(np.concatenate([graph.weights[f"{part}weight"].T for part in parts], axis=1))
    bias = graph.constant(np.concatenate([graph.weights[f"{part}bias"] for part in parts]))
    seen = graph.add("Attention", state, weight, bias, "attention_mask", domain=FUSED, num_heads=HEADS)
    state = _residual(graph, attention + "output.", seen, state)
    hidden = graph.add("MatMul", state, graph.weight(f"{layer}intermediate.dense.weight"))
    hidden = graph.add("BiasGelu", hidden, graph.weight(f"{layer}intermediate.dense.bias"), domain=FUSED)
    return _residual(graph, layer + "output.", hidden, state)


def _residual(graph: _Graph, part: str, inner: str, state: str) -> str:
    """A linear layer of the inner value, added to the state, then normalized."""
    projected = graph.add("MatMul", inner, graph.weight(f"{part}dense.weight"))
    names = ("LayerNorm.weight", "LayerNorm.bias", "dense.bias")
    constants = [graph.weight(part + name) for name in names]
    return graph.add("SkipLayerNormalization", projected, state, *constants, domain=FUSED, epsilon=EPSILON)


def _pool(graph: _Graph, state: str) -> None:
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    column = graph.add("Unsqueeze", mask, graph.constant(np.array([2], np.int64)))
    tokens = graph.constant(np.array([1], np.int64))
    kept = graph.add("ReduceSum", graph.add("Mul", state, column), tokens, keepdims=0)
    mean = graph.add("Div", kept, graph.add("ReduceSum", mask, tokens, keepdims=1))
    graph.add("LpNormalization", mean, output="embedding", axis=1, p=2)
