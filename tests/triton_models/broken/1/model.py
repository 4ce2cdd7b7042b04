"""A model that can't be loaded."""


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        raise RuntimeError(f"{args['model_name']} is broken on purpose")
