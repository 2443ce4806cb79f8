"""Every type of noise by its name."""

from noisyseg.noise.types.box_noise import BOX_TYPES
from noisyseg.noise.types.class_noise import CLASS_TYPES
from noisyseg.noise.types.instance_noise import INSTANCE_TYPES
from noisyseg.noise.types.mask_noise import MASK_TYPES
from noisyseg.noise.types.matrix_noise import MATRIX_TYPES
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.presence_noise import PRESENCE_TYPES

NOISE_TYPES: dict[str, NoiseType] = {
    kind.name: kind
    for types in (CLASS_TYPES, MATRIX_TYPES, INSTANCE_TYPES, MASK_TYPES, BOX_TYPES, PRESENCE_TYPES)
    for kind in types
}
