"""mmdet's preprocessor without copies of what is where it is needed already."""

from typing import Any


class LightPreprocessor:
    """What is put before mmdet's DetDataPreprocessor."""

    device: Any

    def cast_data(self, data: Any) -> Any:
        """The batch on the model's device; on a CPU the batch itself, which is the pass's own."""
        if self.device.type == "cpu":
            return data
        return super().cast_data(data)  # type: ignore[misc]
