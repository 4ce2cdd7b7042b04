"""A model that can't be loaded."""


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        raise RuntimeError("this model is broken on purpose")
