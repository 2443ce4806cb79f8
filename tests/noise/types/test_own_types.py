"""Types of anyone's own: what is taken from files and installed packages, and what is refused."""

import hashlib
import sys
from dataclasses import replace

import pytest

from noisyseg import own_code
from noisyseg.annotation_files.document import write_annotations
from noisyseg.errors import InputError
from noisyseg.noise.corrupt import corrupt
from noisyseg.noise.operations import make, manifest_path, read_manifest, verify
from noisyseg.noise.resolved_spec import spec_from_resolved
from noisyseg.noise.spec import NoiseSpec, make_step, parse_steps
from noisyseg.noise.types import own_types, registry
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.registry import NOISE_TYPES, add_type_file, known_names, noise_type

NAMES = ["cat", "dog", "cow"]
TYPE = """
from noisyseg.noise.families.class_noise import ClassLaw, ClassNoise
from noisyseg.noise.transition import UniformTargets
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import Parameter, rate


def law(parameters, categories, draws):
    k = len(categories)
    targets = [[(own + 1) % k] for own in range(k)]
    return ClassLaw(transition=UniformTargets(rate=parameters["rate"], targets=targets))


NEXT = NoiseType(
    name="next-class",
    family=ClassNoise(law=law),
    summary="the next class",
    source="none",
    parameters={"rate": Parameter(parse=rate, summary="how many")},
)
"""
SHIFT = """
from dataclasses import replace

from noisyseg.noise.families.geometry_noise import GeometryNoise
from noisyseg.noise.types.mask_noise import scale
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import Parameter, rate


def grown(instance, parameters, draws):
    return scale(instance, {"kernel": 3}, draws)


GROWN = NoiseType(
    name="grown",
    family=GeometryNoise(change=grown),
    summary="masks dilated or eroded by a pixel",
    source="none",
    parameters={"rate": Parameter(parse=rate, summary="how many")},
)
"""


@pytest.fixture(autouse=True)
def _no_types_of_others(monkeypatch):
    monkeypatch.setattr(registry, "_OF_FILES", {})


@pytest.fixture
def write(tmp_path):
    """Writes a type's file; returns its path and a name as the command line has it."""

    def run(text=TYPE, name="NEXT", file="own.py"):
        (tmp_path / file).write_text(text, encoding="utf-8")
        return f"{tmp_path / file}:{name}"

    return run


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package of one module with entry points; returns its file."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def forget():
        own_code.installed.cache_clear()
        own_types.installed_type.cache_clear()

    def run(text=TYPE, package="some-noise", entries=(("next-class", "NEXT"),)):
        module = package.replace("-", "_")
        (folder / f"{module}.py").write_text(text)
        info = folder / f"{module}-1.2.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        lines = [f"{name} = {module}:{target}" for name, target in entries]
        (info / "entry_points.txt").write_text("\n".join(["[noisyseg.noise]", *lines, ""]))
        monkeypatch.delitem(sys.modules, module, raising=False)
        forget()
        return folder / f"{module}.py"

    forget()
    yield run
    forget()


def sha256_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def step_of(kind, **parameters):
    return make_step(kind, classes=NAMES, **parameters)


# What a spec, and so a run key and a manifest, holds


def test_a_files_type_has_the_files_hash_in_its_spec(write):
    kind = add_type_file(write())
    assert kind.told == f"next-class noise of {write().rpartition(':')[0]}"
    wanted = {"type": "next-class", "version": 1, "file_sha256": sha256_of(TYPE), "rate": 0.4}
    assert step_of("next-class", rate=0.4).resolved() == wanted
    assert known_names() == [*NOISE_TYPES, "next-class"]


def test_an_installed_type_is_used_by_name_and_imported_no_sooner(install):
    file = install()
    assert known_names() == [*NOISE_TYPES, "next-class"]
    assert "some_noise" not in sys.modules
    (step,) = parse_steps({"type": "next-class", "rate": 0.4}, NAMES, "suite.yaml, line 9")
    assert step.resolved()["file_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert noise_type("next-class").origin.where == "some-noise 1.2"


def test_what_python_brings_is_not_hashed(write):
    text = "from functools import partial" + TYPE.replace("law=law", "law=partial(law)")
    assert add_type_file(write(text)).origin.file_sha256 == sha256_of(text)


@pytest.mark.parametrize("name", NOISE_TYPES)
def test_no_built_in_type_has_a_hash(name):
    assert NOISE_TYPES[name].origin is None
    assert not {"file_sha256"} & set(NOISE_TYPES[name].parameters)


def test_a_type_that_a_package_only_names_is_hashed_where_its_law_is(install, tmp_path):
    install()
    names = "from some_noise import NEXT\n"
    install(names, package="naming", entries=())
    other = install(names, package="naming", entries=(("next-class", "NEXT"),))
    (tmp_path / "site" / "some_noise-1.2.dist-info" / "entry_points.txt").write_text("")
    own_code.installed.cache_clear()
    digest = hashlib.sha256(other.read_bytes() + TYPE.encode()).hexdigest()
    assert noise_type("next-class").origin.file_sha256 == digest


# Noise that is made and checked


@pytest.fixture
def clean(tmp_path, make_document):
    write_annotations(tmp_path / "clean.json", make_document(NAMES, per_class=25, crowds=3))
    return tmp_path / "clean.json"


def test_noise_of_an_own_type_is_made_and_verified(write, clean, tmp_path, monkeypatch):
    file = write()
    add_type_file(file)
    noisy = tmp_path / "noisy.json"
    manifest = make(clean, noisy, NoiseSpec(steps=(step_of("next-class", rate=0.4),), seed=3))
    assert 0 < manifest["annotations"]["class_changed"] < 75
    assert verify(noisy, clean) == []
    monkeypatch.setattr(registry, "_OF_FILES", {})
    with pytest.raises(
        InputError, match=r"made by next-class noise, which is not built in and not"
    ):
        verify(noisy, clean)
    add_type_file(write(TYPE + "\n# changed\n"))
    with pytest.raises(InputError, match=rf"by another next-class noise, .* {sha256_of(TYPE)}"):
        verify(noisy, clean)
    write()
    monkeypatch.setattr(registry, "_OF_FILES", {})
    add_type_file(file)
    stated = read_manifest(manifest_path(noisy))["spec"]
    assert spec_from_resolved(stated, "m").resolved() == stated


def test_a_built_in_types_manifest_with_a_hash_was_edited():
    resolved = {"seed": 0, "steps": [step_of("symmetric", rate=0.4).resolved()]}
    resolved["steps"][0]["file_sha256"] = "0" * 64
    with pytest.raises(InputError, match="by another symmetric noise"):
        spec_from_resolved(resolved, "m")


def test_processes_do_not_matter_to_a_files_type(write):
    add_type_file(write(SHIFT, "GROWN"))
    square = [[10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0]]
    one = {"image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "segmentation": square}
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 50}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": n, "iscrowd": 0, "area": 400, **one} for n in range(600)],
    }
    spec = NoiseSpec(steps=(step_of("grown", rate=1.0),), seed=0)
    alone = corrupt(document, spec)
    assert alone[1]["steps"][0]["changed"] == 600
    assert corrupt(document, spec, workers=2) == alone


FAULTS = {
    "the law": ("    k = len(categories)\n", "    k = 1 / 0\n"),
    "parse": ("parse=rate", "parse=lambda value, place: 1 / 0"),
    "finish": ("NEXT = NoiseType(", "NEXT = NoiseType(finish=lambda *_: 1 / 0,"),
    "check": ("law=law", "law=law, check_each=lambda *_: 1 / 0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_an_own_type_raises_is_an_input_error_with_its_line(fault, write, clean, tmp_path):
    old, new = FAULTS[fault]
    assert old in TYPE
    text = TYPE.replace(old, new)
    add_type_file(write(text))
    line = next(n for n, given in enumerate(text.splitlines(), 1) if "1 / 0" in given)
    told = rf"next-class noise of .*own.py raised ZeroDivisionError: .*own.py, line {line}\)"
    with pytest.raises(InputError, match=told):
        make(
            clean,
            tmp_path / "n.json",
            NoiseSpec(steps=(step_of("next-class", rate=0.4),), seed=0),
        )


def test_what_a_built_in_type_raises_is_a_bug(monkeypatch, make_document):
    kind = NOISE_TYPES["symmetric"]
    broken = replace(kind, family=replace(kind.family, law=lambda *_: 1 / 0))
    monkeypatch.setitem(NOISE_TYPES, "symmetric", broken)
    spec = NoiseSpec(steps=(step_of("symmetric", rate=0.4),), seed=0)
    with pytest.raises(ZeroDivisionError):
        corrupt(make_document(NAMES, per_class=5), spec)


# What is refused


REFUSED = {
    "no name": ("", "own.py", "wanted path.py:name, a Python file and the noise type in it"),
    "another name": (TYPE, "own.py:LAST", r"has no 'LAST'. At its top level it has: law, NEXT\."),
    "no type": (TYPE, "own.py:law", "wanted a NoiseType .*, got <function law"),
    "no file": (None, "nowhere.py:NEXT", "the noise type's file cannot be read: No such file"),
    "syntax": ("x =", "own.py:NEXT", "own.py, line 1: .* cannot be run: SyntaxError"),
    "an exit": ("import sys\nsys.exit(3)", "own.py:NEXT", r"line 2: .* cannot be run: SystemExit"),
    "a built-in's name": (TYPE.replace("next-class", "scale"), "own.py:NEXT", "a built-in noise"),
    "a reserved parameter": (
        TYPE.replace('"rate":', '"preset":'),
        "own.py:NEXT",
        "next-class noise cannot have 'preset' among its parameters",
    ),
    "no rate": (
        SHIFT.replace('"rate":', '"strength":'),
        "own.py:GROWN",
        "grown noise needs 'rate' among its parameters",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_type_is_refused(case, tmp_path):
    text, wanted, message = REFUSED[case]
    if text is not None:
        (tmp_path / "own.py").write_text(text)
    with pytest.raises(InputError, match=message):
        add_type_file(f"{tmp_path}/{wanted}")


def test_two_files_cannot_share_a_name(write):
    add_type_file(write())
    add_type_file(write(file="same.py").replace("same", "own"))
    with pytest.raises(InputError, match="both have a noise type 'next-class'; rename one"):
        add_type_file(write(TYPE + "# other", file="other.py"))


def test_what_a_file_prints_is_no_answer(write, capsys):
    add_type_file(write("print('hello')" + TYPE))
    assert capsys.readouterr() == ("", "hello\n")


def test_packages_are_refused_one_by_one(install):
    install(TYPE.replace('name="next-class"', 'name="other"'))
    with pytest.raises(InputError, match="entry point is called 'next-class' and the type 'other'"):
        noise_type("next-class")
    install("raise ValueError('bad')")
    with pytest.raises(InputError, match=r"line 9: noise type 'next-class' of some-noise 1\.2 can"):
        noise_type("next-class", "suite.yaml, line 9")
    install()
    install(package="more-noise")
    with pytest.raises(InputError, match=r"is of more-noise 1\.2 and some-noise 1\.2, and both"):
        noise_type("next-class")
    assert "next-class" not in registry.usable_types()


def test_a_file_cannot_take_an_installed_types_name(install, write):
    install()
    with pytest.raises(InputError, match="an installed noise type is called 'next-class'"):
        add_type_file(write())


def test_a_built_in_type_stays_what_it_is_whatever_is_installed(install):
    install(TYPE.replace("next-class", "scale"), entries=(("scale", "NEXT"),))
    assert noise_type("scale") is NOISE_TYPES["scale"]
    assert known_names() == list(NOISE_TYPES)
    with pytest.raises(InputError, match="a built-in noise type has it too"):
        own_types.installed_type("scale", taken=True)


def test_an_unknown_name_gets_the_nearest(install):
    install()
    with pytest.raises(InputError, match=r"unknown noise type 'next-clas'\. Did you mean 'next-cl"):
        noise_type("next-clas")
    assert isinstance(noise_type("next-class"), NoiseType)
