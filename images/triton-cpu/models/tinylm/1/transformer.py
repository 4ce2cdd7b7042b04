"""The arithmetic of tinylm: a decoder-only transformer over bytes, in numpy, with a cache of keys and values.

Pre-norm blocks (RMSNorm, causal attention, GELU in its tanh form), learned positions, output weights tied to the input
embedding. 0.96 M parameters, 3 blocks, 5 heads; the vocabulary is ASCII, so a byte above 127 is read as 127.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

Array = np.ndarray
BLOCKS, HEADS = 3, 5
HIGHEST_BYTE = 127
NEWLINE = 10
TEMPERATURE = 0.7


class Transformer:
    """The weights: `we` (128, width), `pe` (context, width), and per block qkv, o, w1, w2 and two norms."""

    def __init__(self, weights: Path) -> None:
        with np.load(weights) as file:
            self.weights: dict[str, Array] = dict(file)
        self.context, self.width = self.weights["pe"].shape

    def generate(self, prompt: bytes, count: int, seed: int = 0) -> Iterator[int]:
        """Yield `count` sampled bytes; the same prompt and seed always give the same bytes.

        When the context is full, generation goes on from its later half.
        """
        random = np.random.default_rng(seed)
        half = self.context // 2
        history = [min(byte, HIGHEST_BYTE) for byte in prompt][-half:] or [NEWLINE]
        cache, unread = Cache(self), history[:]
        for _ in range(count):
            if cache.length + len(unread) > self.context:
                cache, unread = Cache(self), history[-half:]
            for byte in unread:
                logits = cache.read(byte)
            token = _sample(logits, random)
            yield token
            history.append(token)
            unread = [token]


class Cache:
    """Keys and values of the bytes read so far: one generation's state."""

    def __init__(self, model: Transformer) -> None:
        shape = (BLOCKS, HEADS, model.context, model.width // HEADS)
        self.weights, self.length = model.weights, 0
        self.keys, self.values = np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def read(self, byte: int) -> Array:
        """Take one more byte; give the logits (128,) of the byte after it."""
        x = self.weights["we"][byte] + self.weights["pe"][self.length]
        self.length += 1
        for block in range(BLOCKS):
            x = x + self._attend(block, _norm(x, self.weights[f"l{block}.n1"]))
            hidden = _norm(x, self.weights[f"l{block}.n2"]) @ self.weights[f"l{block}.w1"]
            x = x + _gelu(hidden) @ self.weights[f"l{block}.w2"]
        return _norm(x, self.weights["lnf"]) @ self.weights["we"].T

    def _attend(self, block: int, x: Array) -> Array:
        size = self.keys.shape[-1]
        query, key, value = (x @ self.weights[f"l{block}.qkv"]).reshape(3, HEADS, size)
        self.keys[block, :, self.length - 1], self.values[block, :, self.length - 1] = key, value
        scores = np.einsum("hd,htd->ht", query, self.keys[block, :, : self.length]) / np.sqrt(size)
        seen = np.einsum("ht,htd->hd", _softmax(scores), self.values[block, :, : self.length])
        return seen.reshape(-1) @ self.weights[f"l{block}.o"]


def _norm(x: Array, weight: Array) -> Array:
    return x / np.sqrt((x * x).mean() + 1e-6) * weight


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))


def _softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _sample(logits: Array, random: np.random.Generator) -> int:
    chances = _softmax(logits.astype(np.float64) / TEMPERATURE)
    return int(random.choice(len(chances), p=chances))
