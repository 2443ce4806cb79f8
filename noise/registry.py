"""Every type of noise by its name."""

from noisyseg.noise.class_noise import CLASS_TYPES
from noisyseg.noise.instance_noise import INSTANCE_TYPES
from noisyseg.noise.matrix_noise import MATRIX_TYPES
from noisyseg.noise.noise_type import NoiseType

NOISE_TYPES: dict[str, NoiseType] = {
    kind.name: kind for kind in (*CLASS_TYPES, *MATRIX_TYPES, *INSTANCE_TYPES)
}
