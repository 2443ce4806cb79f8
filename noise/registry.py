"""Every type of noise by its name."""

from noisyseg.noise.box_noise import BOX_TYPES
from noisyseg.noise.class_noise import CLASS_TYPES
from noisyseg.noise.instance_noise import INSTANCE_TYPES
from noisyseg.noise.mask_noise import MASK_TYPES
from noisyseg.noise.matrix_noise import MATRIX_TYPES
from noisyseg.noise.noise_type import NoiseType
from noisyseg.noise.presence_noise import PRESENCE_TYPES

GEOMETRY_TYPES = (*MASK_TYPES, *BOX_TYPES)

NOISE_TYPES: dict[str, NoiseType] = {
    kind.name: kind
    for kind in (*CLASS_TYPES, *MATRIX_TYPES, *INSTANCE_TYPES, *GEOMETRY_TYPES, *PRESENCE_TYPES)
}
