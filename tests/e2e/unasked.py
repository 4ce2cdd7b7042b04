"""Something else speaks to Triton: run within a server's Pod, it has model `argv[1]` answer what nobody pays for."""

import sys

import numpy as np
from tritonclient.grpc import InferenceServerClient, InferInput

tensor = InferInput("text", [1], "BYTES")
tensor.set_data_from_numpy(np.array([b"Nobody asked."], dtype=np.object_))
InferenceServerClient("127.0.0.1:8001").infer(sys.argv[1], [tensor])
