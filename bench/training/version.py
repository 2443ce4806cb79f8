"""The version of what trains a run: augmentation, loop, learning rate, initial weights, prediction.

Apart from the rest of this folder, because planning runs must not wait for torch.
"""

from typing import Any

# What a run's key says of its training: raise the version whenever a number could change.
# 2: targets of a pass at once, with draws of their own; a seed for each pass; fused optimizers;
# images of one size predicted together.
# 3: on a CPU, RoIAlign by a product with a sparse matrix and a frozen backbone's features image by
# image.
TRAINING: dict[str, Any] = {"version": 3}
