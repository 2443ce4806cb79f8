"""Labels that are taken for a class that looks alike."""

from noisyseg.errors import InputError
from noisyseg.noise.families.class_noise import ClassLaw, ClassNoise
from noisyseg.noise.transition import UniformTargets
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import Parameter, names, rate


def similar(parameters, categories, draws):
    """Another class of its group, uniformly."""
    targets = [[] for _ in categories.names]
    for group in parameters["groups"]:
        if absent := set(group) - set(categories.names):
            raise InputError(f"the annotations have no class {min(absent)!r}: leave it out.")
        members = [categories.names.index(name) for name in group]
        for own in members:
            targets[own] = [other for other in members if other != own]
    return ClassLaw(transition=UniformTargets(rate=parameters["rate"], targets=targets))


def groups(value, place):
    """Lists of at least two classes."""
    if not isinstance(value, list) or any(len(names(group, place)) < 2 for group in value):
        raise InputError(f"{place.where}: wanted lists of two or more classes, got {value!r}.")
    return [names(group, place) for group in value]


SIMILAR = NoiseType(
    name="similar-classes",
    family=ClassNoise(law=similar),
    summary="another class of a group that looks alike, uniformly",
    source="an example of noisyseg's",
    parameters={
        "rate": Parameter(parse=rate, summary="probability that a label of a group changes"),
        "groups": Parameter(parse=groups, summary="lists of classes that look alike"),
    },
    trial=lambda table: {"groups": [list(table.categories.names[:3])]},
)
