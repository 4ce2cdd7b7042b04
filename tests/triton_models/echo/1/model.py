"""Gives back what it gets, unless a text of the request says otherwise: how tests make a model slow, sick or dead.

#fail REASON     answer this request with an error
#delay SECONDS   answer after that long (a model instance is busy for so long)
#exit            end this model's process at once, as a crash would
#kill            kill the whole tritonserver (the parent of this process)
"""

import os
import signal
import time
from typing import Any

import triton_python_backend_utils as triton

TENSORS = ("text", "floats", "integers")


class TritonPythonModel:
    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        given = [tensor for name in TENSORS if (tensor := triton.get_input_tensor_by_name(request, name)) is not None]
        texts = [text for tensor in given if tensor.name() == "text" for text in tensor.as_numpy().reshape(-1)]
        try:
            for text in texts:
                _obey(text.decode(errors="replace"))
        except RuntimeError as error:
            return triton.InferenceResponse(error=triton.TritonError(str(error), triton.TritonError.INVALID_ARG))
        return triton.InferenceResponse([triton.Tensor(tensor.name(), tensor.as_numpy()) for tensor in given])


def _obey(text: str) -> None:
    match text.split(maxsplit=1):
        case ["#fail", *reason]:
            raise RuntimeError(" ".join(reason) or "told to fail")
        case ["#delay", seconds]:
            time.sleep(float(seconds))
        case ["#exit"]:
            os._exit(1)
        case ["#kill"]:
            os.kill(os.getppid(), signal.SIGKILL)
