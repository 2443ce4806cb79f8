"""Bundles changed in every way that was thought of, all that seals them made to fit again.

A kind is a function that changes the parts of a sound bundle (`parts`), its files once they are
sealed (`files`) or the archive's bytes (`archive`), by a generator's draws. Each is refused, but
for the kinds named in HARMLESS.
"""

import copy
import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import zstandard

from noisyseg.bench.leaderboard.contents import parse_contents
from noisyseg.bench.leaderboard.ground import ground_for
from noisyseg.bench.leaderboard.verification import verify
from noisyseg.results.evaluation.evaluation import evaluate
from noisyseg.results.evaluation.predictions import Predictions

EACH = 50
QUICK = 2
KINDS = {}
HARMLESS = set()
REASONS = {
    "negative": {"metrics.range"},
    "digit_changed": {"metrics.again"},
    "deeper_number_changed": {"metrics.again"},
    "claim_changed": {"claims.numbers"},
    "claim_of_others": {"claims.numbers", "claims.settings"},
    "on_training_images": {"predictions.images"},
    "prediction_removed": {"metrics.again"},
    "prediction_changed": {"metrics.again"},
    "too_many_predictions": {"predictions.count"},
    "run_copied": {"copies.own"},
    "other_data": {"suite.data"},
    "other_noise_seed": {"record.spec", "noise.annotations"},
    "other_train_seed": {"record.spec", "seeds.same"},
    "other_noise": {"record.spec"},
    "annotation_unflipped": {"noise.manifest"},
    "manifest_of_another": {"noise.manifest"},
    "rehearsal": {"record.spec"},
    "shortened": {"record.spec"},
    "other_model": {"record.spec"},
    "other_version": {"suite.versions"},
    "other_method": {"method.source"},
    "stray_source": {"method.source"},
    "failed_or_odd_record": {"record.schema"},
    "run_missing": {"seeds.same"},
    "clean_as_noisy": {"seeds.noise", "record.spec", "archive.files"},
    "other_settings": {"suite.settings", "suite.noise"},
}
"""Kind → checks of which one must fail: it is refused for what is wrong with it."""


def kind(stage, *, harmless=False):
    """Harmless: all of it is; None: some of it is, see `may_be_accepted`."""

    def put(function):
        KINDS[function.__name__] = (stage, function)
        if harmless:
            HARMLESS.add(function.__name__)
        return function

    return put


# --- a bundle taken apart and sealed again --------------------------------------------------------


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def taken_apart(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    parts = {name: json.loads(files[f"{name}.json"]) for name in ("bundle", "card", "suite")}
    parts["runs"] = []
    for entry in parts["bundle"]["runs"]:
        own = {
            name.rpartition("/")[2]: content
            for name, content in files.items()
            if name.startswith(f"runs/{entry['key']}/")
        }
        record = json.loads(own.pop("record.json"))
        document = json.loads(
            zstandard.ZstdDecompressor().decompressobj().decompress(own.pop("predictions.json.zst"))
        )
        parts["runs"].append({"entry": entry, "record": record, "found": document, "files": own})
    parts["more"] = {}
    parts["resealed"] = True
    return parts


def packed_predictions(document):
    return zstandard.ZstdCompressor(level=10, write_checksum=True).compress(canonical(document))


def sealed(parts):
    """The files of a bundle's parts, every checksum, key and claim made to fit."""
    files, metrics = dict(parts["more"]), {}
    parts["bundle"]["runs"] = []
    for run in parts["runs"]:
        record, own = run["record"], dict(run["files"])
        if not isinstance(record.get("checksums"), dict):
            record["checksums"] = {}
        own["predictions.json.zst"] = packed_predictions(run["found"])
        sums = record["checksums"]
        sums["predictions"] = sha256(own["predictions.json.zst"])
        sums["log"] = sha256(own["log.jsonl"])
        if "manifest.json" in own:
            sums["manifest"] = sha256(own["manifest.json"])
        record["key"] = run.get("key") or sha256(canonical(record.get("spec")))[:16]
        record.pop("checksum", None)
        record["checksum"] = sha256(canonical(record))
        own["record.json"] = canonical(record)
        entry = {**run["entry"], "key": record["key"]}
        parts["bundle"]["runs"].append(entry)
        metrics.setdefault(entry["noise"], []).append(record["metrics"])
        files |= {f"runs/{entry['key']}/{name}": content for name, content in own.items()}
    if parts["resealed"]:
        parts["bundle"]["claims"] = {label: claims(some) for label, some in metrics.items()}
    for change in parts.get("late", ()):
        change(parts)
    files["card.json"], files["suite.json"] = canonical(parts["card"]), canonical(parts["suite"])
    return listed(files, parts["bundle"])


def claims(metrics):
    found = {}
    for part, names in (
        ("segm", ("AP", "AP50", "AP75", "APs", "APm", "APl")),
        ("bbox", ("AP", "AP50", "AP75", "APs", "APm", "APl")),
        ("agnostic", ("AP", "AP50", "AP75", "AR100")),
        ("matched", ("accuracy",)),
    ):
        for name in names:
            values = [entry[part][name] for entry in metrics if entry[part][name] is not None]
            if values:
                with np.errstate(all="ignore"):  # of infinities
                    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
                found[f"{part}.{name}"] = {
                    "n": len(values),
                    "mean": float(np.mean(values)),
                    "sd": sd,
                }
    return found


def listed(files, bundle):
    """The files with a bundle.json that lists them."""
    files = {name: content for name, content in files.items() if name != "bundle.json"}
    bundle["files"] = {
        name: {"sha256": sha256(content), "bytes": len(content)} for name, content in files.items()
    }
    return {**files, "bundle.json": canonical(bundle)}


def archived(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(member(name), files[name])
    return buffer.getvalue()


def member(name, mode=0o100644):
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.external_attr = mode << 16
    info.create_system = 3
    return info


def added(files, name, content=b"x", **changes):
    """The archive of files and of one member more."""
    buffer = io.BytesIO(archived(files))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        info = member(name, changes.pop("mode", 0o100644))
        archive.writestr(info, content, **changes)
    return buffer.getvalue()


def one_of(values, generator):
    values = list(values)
    return values[int(generator.integers(len(values)))]


def a_run(parts, generator, *, noisy=None):
    runs = [
        run
        for run in parts["runs"]
        if noisy is None or (run["record"]["spec"]["noise"] is not None) == noisy
    ]
    return one_of(runs, generator)


# --- archives -------------------------------------------------------------------------------------


@kind("files")
def zip_slip(files, generator):
    name = one_of(
        [
            "../out",
            "../../out",
            "runs/../../out",
            "/tmp/noisyseg-out",
            "..\\out",
            "C:\\out",
            "C:/out",
            "./bundle.json",
            "runs//x",
            "runs/./x",
            "~/out",
            "runs/../bundle.json",
            "..",
            ".",
            "runs/",
            "BUNDLE.JSON",
            "bundle.json ",
            "bundle.json\x00.txt",
            "ｂundle.json",
            "aux.json",
            "con",
            "file:///out",
            "\\\\host\\share",
        ],
        generator,
    )
    return added(files, name * int(generator.integers(1, 2)), b"x" * int(generator.integers(1, 99)))


@kind("files")
def symlink(files, generator):
    name = one_of([*files, "runs/link", "method.py", "link"], generator)
    files = {other: content for other, content in files.items() if other != name}
    mode = one_of([0o120777, 0o060644, 0o020644, 0o010644, 0o140644], generator)
    target = one_of([b"/etc/passwd", b"../../x", b"bundle.json"], generator)
    return added(files, name, target, mode=mode)


@kind("files")
def bomb(files, generator):
    """Much from little: in the archive, or in the predictions."""
    size = int(generator.integers(8, 24)) << 20
    name = one_of(files, generator)
    others = {other: content for other, content in files.items() if other != name}
    if generator.random() < 0.7:
        return added(others, name, bytes(size), compress_type=zipfile.ZIP_DEFLATED)
    name = one_of([one for one in files if one.endswith(".zst")], generator)
    content = zstandard.ZstdCompressor().compress(bytes(size * 8))
    bundle = json.loads(files["bundle.json"])
    return archived(listed({**files, name: content}, bundle))


@kind("files")
def many_files(files, generator):
    """As many as a directory can say, ten million by a zip64's, or thousands that are there."""
    data = archived(files)
    which = int(generator.integers(3))
    if which == 0:
        place = data.rindex(b"PK\x05\x06")
        count = 10_000_000 + int(generator.integers(1000))
        large = struct.pack(
            "<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, 46 * count, 0
        )
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, place, 1)
        full = struct.pack("<HHLL", 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
        return data[:place] + large + locator + data[place : place + 8] + full + data[place + 20 :]
    if which == 1:
        place = data.rindex(b"PK\x05\x06")
        count = int(generator.integers(60_000, 65_535))
        return data[: place + 8] + struct.pack("<HH", count, count) + data[place + 12 :]
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as archive:
        for number in range(int(generator.integers(9_000, 12_000))):
            archive.writestr(member(f"runs/{number:016x}/log.jsonl"), b"")
    return buffer.getvalue()


@kind("files")
@pytest.mark.filterwarnings("ignore:Duplicate name")
def duplicate_names(files, generator):
    name = one_of(files, generator)
    content = one_of([files[name], b"{}", b""], generator)
    buffer = io.BytesIO(archived(files))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.NameToInfo.clear()
        archive.writestr(member(name), content)
    return buffer.getvalue()


@kind("archive")
def torn(archive, generator):
    cut = int(generator.integers(1, len(archive) - 1))
    return one_of([archive[:cut], archive[cut:], archive[:cut] + archive[cut + 1 :]], generator)


@kind("archive")
def framed(archive, generator):
    """Data before, after, or both."""
    more = generator.bytes(int(generator.integers(1, 5000)))
    return one_of([more + archive, archive + more, archive + archive], generator)


@kind("archive")
def bits_flipped(archive, generator):
    changed = bytearray(archive)
    for place in generator.integers(0, len(archive), int(generator.integers(1, 4))):
        changed[int(place)] ^= 1 << int(generator.integers(8))
    return bytes(changed)


@kind("archive")
def no_archive(archive, generator):
    return one_of(
        [
            b"",
            b"PK",
            generator.bytes(500),
            b"{}",
            archive[:22],
            b"PK\x05\x06" + bytes(18),
            zstandard.compress(archive),
        ],
        generator,
    ) + bytes(int(generator.integers(0, 3)))


@kind("files")
def missing_file(files, generator):
    name = one_of(files, generator)
    left = {other: content for other, content in files.items() if other != name}
    bundle = json.loads(files["bundle.json"])
    return archived(
        left if generator.random() < 0.5 or name == "bundle.json" else listed(left, bundle)
    )


@kind("files")
def other_file(files, generator):
    """A file changed after it was listed."""
    name = one_of([one for one in files if one != "bundle.json"], generator)
    return archived({**files, name: files[name] + one_of([b" ", b"\n", b"x"], generator)})


# --- numbers --------------------------------------------------------------------------------------


def set_number(parts, generator, value):
    run = a_run(parts, generator)
    part = one_of(["segm", "bbox", "agnostic"], generator)
    run["record"]["metrics"][part][one_of(["AP", "AP50", "AP75"], generator)] = value


@kind("parts")
def not_a_number(parts, generator):
    parts["resealed"] = bool(generator.random() < 0.5)
    set_number(parts, generator, one_of([np.nan, np.inf, -np.inf], generator))


@kind("parts")
def negative(parts, generator):
    parts["resealed"] = bool(generator.random() < 0.5)
    set_number(parts, generator, -float(generator.uniform(1e-7, 50)))


@kind("parts")
def over_100(parts, generator):
    parts["resealed"] = bool(generator.random() < 0.5)
    set_number(
        parts, generator, one_of([100 + float(generator.uniform(1e-7, 50)), 1e100], generator)
    )


@kind("parts")
def no_number(parts, generator):
    parts["resealed"] = False
    set_number(parts, generator, one_of(["18.1", True, [], {}, None, 10**400], generator))


@kind("parts")
def digit_changed(parts, generator):
    """An AP of the record; the claims are those of the changed one."""
    run = a_run(parts, generator)
    place = run["record"]["metrics"][one_of(["segm", "bbox", "agnostic"], generator)]
    name = one_of(["AP", "AP50", "AP75"], generator)
    place[name] = min(99.0, place[name] + 10.0 ** -int(generator.integers(0, 6)))


@kind("parts")
def deeper_number_changed(parts, generator):
    metrics = a_run(parts, generator)["record"]["metrics"]
    which = int(generator.integers(4))
    if which == 0:
        one_of(metrics["per_class"].values(), generator)["segm"] = 99.5
    elif which == 1:
        one_of(metrics["matched"]["confusion"], generator)[0] += 1
    elif which == 2:
        metrics["matched"]["found"] += 1
    else:
        metrics["more"] = 1.0


@kind("parts")
def claim_changed(parts, generator):
    """By more than 1e-6 of a percent."""

    def change(parts):
        claim = one_of(one_of(parts["bundle"]["claims"].values(), generator).values(), generator)
        name = one_of(["mean", "sd"], generator)
        gap = float(generator.choice([1.1e-6, 1e-4, 0.1, 1.0]))
        claim[name] = (claim[name] or 0) + gap if generator.random() < 0.8 else claim[name] / 2 + 1

    parts["late"] = [change]


@kind("parts")
def claim_of_others(parts, generator):
    def change(parts):
        claims = parts["bundle"]["claims"]
        label = one_of(claims, generator)
        which = int(generator.integers(5))
        if which == 0:
            del claims[label]
        elif which == 1:
            del claims[label][one_of(claims[label], generator)]
        elif which == 2:
            claims[label]["segm.AP"]["n"] += int(generator.integers(1, 9))
        elif which == 3:
            claims["sym80"] = claims[label]
        else:
            claims[label]["segm.AR"] = claims[label]["segm.AP"]

    parts["late"] = [change]


# --- predictions ----------------------------------------------------------------------------------


@kind("parts")
def on_training_images(parts, generator):
    run = a_run(parts, generator)
    images = {image: place for place, image in enumerate(run["found"]["image_ids"])}
    train = [5, 15, 25]
    run["found"]["image_ids"] = train
    for one in run["found"]["detections"]:
        one["image_id"] = train[images[one["image_id"]]]
    if generator.random() < 0.5:
        run["found"]["annotations_sha256"] = run["record"]["spec"]["data"]["train_sha256"]


@kind("parts")
def prediction_removed(parts, generator):
    """One that counts: the record's numbers are no longer those of what is left."""
    run = a_run(parts, generator)
    found = run["found"]["detections"]
    for place in generator.permutation(len(found)):
        left = found[:place] + found[place + 1 :]
        if others(run, left, parts["truth"]):
            run["found"]["detections"] = left
            return
    run["found"]["detections"] = []


@kind("parts")
def prediction_changed(parts, generator):
    run = a_run(parts, generator)
    for _ in range(50):
        found = copy.deepcopy(run["found"]["detections"])
        one = one_of(found, generator)
        one["score"] = float(generator.random())
        one["category_id"] = int(generator.choice([7, 90, 3]))
        if others(run, found, parts["truth"]):
            run["found"]["detections"] = found
            return
    run["found"]["detections"] = []


def others(run, detections, truth):
    """Whether detections come to other numbers than the run's record says."""
    document = run["found"]
    predictions = Predictions(
        tuple(document["image_ids"]), detections, document["annotations_sha256"]
    )
    classes = run["record"]["spec"]["data"]["classes"]
    metrics = evaluate(truth, predictions, classes=classes, verify=False)
    stated = run["record"]["metrics"]
    return any(metrics[part] != stated[part] for part in ("segm", "bbox", "agnostic", "matched"))


@kind("parts")
def images_changed(parts, generator):
    found = a_run(parts, generator)["found"]
    which = int(generator.integers(4))
    if which == 0:
        gone = found["image_ids"].pop(int(generator.integers(3)))
        found["detections"] = [one for one in found["detections"] if one["image_id"] != gone]
    elif which == 1:
        found["image_ids"].append(int(generator.integers(10**6, 10**7)))
    elif which == 2:
        found["image_ids"].append(found["image_ids"][0])
    else:
        found["image_ids"] = one_of([[], ["600"], [600.5], [None], [2**70]], generator)


@kind("parts")
def misshapen_prediction(parts, generator):
    one = one_of(a_run(parts, generator)["found"]["detections"], generator)
    key, value = one_of(
        [
            ("score", np.nan),
            ("score", 1.5),
            ("score", -0.1),
            ("score", "1"),
            ("bbox", [1, 2, 3]),
            ("bbox", [0, 0, -1, 5]),
            ("bbox", [0, 0, np.inf, 5]),
            ("bbox", [0, 0, 1e308, 1e308]),
            ("bbox", [-9.0, 0, 5, 5]),
            ("category_id", 4),
            ("category_id", 2**70),
            ("image_id", 601),
            ("segmentation", None),
            ("segmentation", {"size": [10, 20], "counts": "~~~~"}),
            ("segmentation", {"size": [10**9, 10**9], "counts": "1"}),
            ("segmentation", {"size": [20, 10], "counts": one["segmentation"]["counts"]}),
            ("segmentation", {"size": [10, 20], "counts": "o" * 5000}),
            ("segmentation", [[1, 1, 5, 1, 5, 5]]),
            ("more", 1),
        ],
        generator,
    )
    one[key] = value


@kind("parts")
def too_many_predictions(parts, generator):
    found = a_run(parts, generator)["found"]["detections"]
    found += [dict(found[0]) for _ in range(int(generator.integers(101, 120)))]


@kind("parts")
def run_copied(parts, generator):
    """One seed's run from another, as it is or nearly; the record's numbers fit."""
    one, other = generator.choice(len(parts["runs"]), 2, replace=False)
    source, target = parts["runs"][one], parts["runs"][other]
    target["found"] = copy.deepcopy(source["found"])
    scale = one_of([1.0, 1.0, 0.99, 0.9], generator)
    for entry in target["found"]["detections"]:
        entry["score"] *= scale
        if scale < 1:
            entry["bbox"] = [side + float(generator.uniform(0, 0.01)) for side in entry["bbox"]]
    document = target["found"]
    predictions = Predictions(
        tuple(document["image_ids"]), document["detections"], document["annotations_sha256"]
    )
    classes = target["record"]["spec"]["data"]["classes"]
    target["record"]["metrics"] = evaluate(parts["truth"], predictions, classes=classes)


# --- specs ----------------------------------------------------------------------------------------


@kind("parts")
def other_data(parts, generator):
    digest = sha256(generator.bytes(8))
    name, value = one_of(
        [
            ("train_sha256", digest),
            ("eval_sha256", digest),
            ("version", 1),
            ("name", "toy-partial"),
            ("classes", ["cat", "fox", "dog"]),
            ("classes", ["cat"]),
            ("images", "only-these-classes"),
            ("limit", {"eval": 2, "train": None}),
        ],
        generator,
    )
    for run in parts["runs"]:
        run["record"]["spec"]["data"][name] = value
    parts["suite"]["data"][name] = value


@kind("parts")
def other_noise_seed(parts, generator):
    run = a_run(parts, generator, noisy=True)
    shift = int(generator.integers(3, 10**6))
    which = int(generator.integers(3))
    if which != 0:
        run["record"]["spec"]["noise"]["seed"] += shift
    if which != 1:
        run["entry"] = {**run["entry"], "noise_seed": run["entry"]["noise_seed"] + shift}


@kind("parts")
def clean_as_noisy(parts, generator):
    """Clean runs in the place of noisy ones, without a noise seed; or noisy ones as clean."""
    noisy = bool(generator.random() < 0.3)
    kept = [run for run in parts["runs"] if (run["record"]["spec"]["noise"] is not None) == noisy]
    label = "clean" if noisy else "sym40"
    for run in kept:
        seed = None if generator.random() < 0.7 else run["entry"]["train_seed"]
        run["entry"] = {**run["entry"], "noise": label, "noise_seed": seed}
        if seed is None:
            run["files"].pop("manifest.json", None)
    parts["runs"] = kept
    if generator.random() < 0.5:
        parts["suite"]["noise"] = {label: parts["suite"]["noise"][label]}


@kind("parts")
def other_settings(parts, generator):
    """In suite.json alone."""
    noise = parts["suite"]["noise"]
    which = int(generator.integers(3))
    if which == 0:
        noise[one_of(["sym80", "clean2", "<b>"], generator)] = None
    elif which == 1:
        del noise[one_of(noise, generator)]
    else:
        noise["clean"], noise["sym40"] = noise["sym40"], noise["clean"]


@kind("parts")
def other_train_seed(parts, generator):
    run = a_run(parts, generator)
    shift = int(generator.integers(3, 10**6))
    which = int(generator.integers(3))
    if which != 0:
        run["record"]["spec"]["train_seed"] += shift
    if which != 1:  # the seeds of the settings are no longer the same
        run["entry"] = {**run["entry"], "train_seed": run["entry"]["train_seed"] + shift}


@kind("parts")
def other_noise(parts, generator):
    rate = float(generator.choice([0.1, 0.39, 0.41, 0.8]))
    for run in parts["runs"]:
        if run["record"]["spec"]["noise"] is not None:
            run["record"]["spec"]["noise"]["steps"][0]["rate"] = rate
    if generator.random() < 0.7:
        parts["suite"]["noise"]["sym40"][0]["rate"] = rate


@kind("parts")
def annotation_unflipped(parts, generator):
    run = a_run(parts, generator, noisy=True)
    manifest = json.loads(run["files"]["manifest.json"])
    changes = manifest["changes"]["classes"]
    if changes and generator.random() < 0.7:
        one_of(changes, generator)[2].pop()
    else:
        manifest["noisy_sha256"] = sha256(generator.bytes(8))
    if generator.random() < 0.5:
        run["record"]["checksums"]["noisy_annotations"] = sha256(generator.bytes(8))
    run["files"]["manifest.json"] = canonical(manifest) + b"\n"


@kind("parts")
def manifest_of_another(parts, generator):
    noisy = [run for run in parts["runs"] if "manifest.json" in run["files"]]
    one, other = (noisy[place] for place in generator.choice(len(noisy), 2, replace=False))
    one["files"]["manifest.json"] = other["files"]["manifest.json"]
    if generator.random() < 0.5:
        sums = other["record"]["checksums"]
        one["record"]["checksums"]["noisy_annotations"] = sums["noisy_annotations"]


@kind("parts")
def rehearsal(parts, generator):
    images = {"train_images": int(generator.integers(1, 5)), "eval_images": 2, "shrunk": True}
    some = parts["runs"] if generator.random() < 0.5 else [a_run(parts, generator)]
    for run in some:
        run["record"]["spec"]["protocol"]["rehearsal"] = images
    if len(some) > 1:
        parts["suite"]["protocol"]["rehearsal"] = images


@kind("parts")
def shortened(parts, generator):
    name, value = one_of(
        [
            ("epochs", 1),
            ("batch_size", 8),
            ("gradient_clip", 1.0),
            ("name", "smoke2"),
            ("version", 2),
            ("epochs", 0),
            ("epochs", 10**9),
        ],
        generator,
    )
    some = parts["runs"] if generator.random() < 0.5 else [a_run(parts, generator)]
    for run in some:
        run["record"]["spec"]["protocol"][name] = value
        if name == "epochs" and value == 1:
            run["files"]["log.jsonl"] = run["files"]["log.jsonl"].splitlines(keepends=True)[0]
    if len(some) > 1:
        parts["suite"]["protocol"][name] = value


@kind("parts")
def other_model(parts, generator):
    for run in parts["runs"]:
        model = run["record"]["spec"]["model"]
        model["detector"]["neck"]["out_channels"] = int(generator.integers(25, 999))
    if generator.random() < 0.5:
        parts["suite"]["model"] = copy.deepcopy(parts["runs"][0]["record"]["spec"]["model"])


@kind("parts")
def other_version(parts, generator):
    part = one_of(["training", "eval", "schema"], generator)
    number = int(generator.choice([0, 2, 4, 99]))
    for run in parts["runs"]:
        if part == "schema":
            run["record"]["spec"]["schema"] = number
        else:
            run["record"]["spec"][part]["version"] = number
    if part == "schema":
        parts["suite"]["versions"]["schema"] = number
    else:
        parts["suite"]["versions"][part]["version"] = number


@kind("parts")
def other_method(parts, generator):
    which = int(generator.integers(5))
    own = parts["suite"]["method"] = copy.deepcopy(parts["suite"]["method"])
    if which == 0:
        own["version"] += int(generator.integers(1, 9))
    elif which == 1:
        own["name"] = one_of(["gce", "lsr", "nobody", "os.system", "../x"], generator)
    elif which == 2:
        own["parameters"] = {**own["parameters"], "more": 1.0}
    elif which == 3:
        del own["version"]
        own["file_sha256"] = sha256(generator.bytes(8))
    else:
        own["name"] = one_of(parts["runs"], generator)["record"]["key"]
    for run in parts["runs"]:
        run["record"]["spec"]["method"] = own


@kind("parts")
def stray_source(parts, generator):
    parts["more"]["method.py"] = b"raise SystemExit(%d)" % int(generator.integers(100))


@kind("parts")
def failed_or_odd_record(parts, generator):
    record = a_run(parts, generator)["record"]
    which = int(generator.integers(6))
    if which == 0:
        failure = {"type": "RuntimeError", "message": "no", "log": None}
        record |= {"status": "failed", "failure": failure}
    elif which == 1:
        record["finished"] = one_of(["9999-99-99T99:99:99Z", "2020-01-01T00:00:00Z"], generator)
    elif which == 2:
        record["more"] = 1
    elif which == 3:
        record["environment"]["host"] = one_of(
            ["a\x00b", "a\u202eb", "a\u200bb", "x" * 10**6], generator
        )
    elif which == 4:
        record.pop(one_of(["lineage", "timings", "started"], generator))
    else:
        record["timings"]["training"] = -1.0


@kind("parts")
def wrong_key(parts, generator):
    one, other = (parts["runs"][n] for n in generator.choice(len(parts["runs"]), 2, replace=False))
    if generator.random() < 0.5:
        one["key"] = sha256(generator.bytes(8))[:16]
    else:
        one["record"]["spec"] = copy.deepcopy(other["record"]["spec"])


@kind("parts")
def run_missing(parts, generator):
    """Of one setting; the other's seeds are more."""
    parts["runs"].pop(int(generator.integers(len(parts["runs"]))))


@kind("parts")
def other_label(parts, generator):
    label = one_of(
        ["sym41", "clean ", "<b>clean</b>", "=1+1", "x" * 101, "", "cl\u202eean"], generator
    )
    run = a_run(parts, generator)
    run["entry"] = {**run["entry"], "noise": label}


@kind("parts")
def other_log(parts, generator):
    run = a_run(parts, generator)
    lines = run["files"]["log.jsonl"].splitlines(keepends=True)
    run["files"]["log.jsonl"] = one_of(
        [
            lines[0],
            lines[0] + lines[1] * 2,
            lines[1] + lines[0],
            b"",
            b"\xff" + lines[0] + lines[1],
            lines[0] + b'{"epoch": 1, "loss": NaN}\n',
            lines[0] + b'{"epoch": 1, "loss": 1e999}\n',
            lines[0] + b"[" * 10**5 + b"\n",
            lines[0] + b'{"epoch": true}\n',
        ],
        generator,
    )


# --- texts ----------------------------------------------------------------------------------------

FIELDS = ("name", "licence", "summary", "tuned_on", "extra_data", "pretrained")
INJECTIONS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=HYPERLINK(1)",
    "+1+1",
    "@SUM(A1)",
    "\\input{/etc/passwd}",
    "$\\def\\x{\\x}\\x$",
    "[a](javascript:alert(1))",
    "| a | b |",
    "${7*7}",
    "{{7*7}}",
    "</style><style>*{display:none}",
    "-1+1",
    "`id`",
    "javascript:alert(1)",
    "&lt;b&gt;",
)
UNSEEN = (
    "\u202e\u202a\u2066\u2069\u200e\u200f\u061c\u200b\u200c\u200d\u2060\ufeff"
    "\x00\x1b\n\r\t\x7f\ue000\u0378"
)


@kind("parts", harmless=True)
def markup_in_card(parts, generator):
    """Text like any other: whoever shows it escapes it."""
    for field in FIELDS:
        parts["card"][field] = one_of(INJECTIONS, generator)
    parts["card"]["authors"] = [one_of(INJECTIONS, generator)]


@kind("parts")
def markup_elsewhere(parts, generator):
    text = one_of(INJECTIONS, generator)
    which = int(generator.integers(8))
    bundle, suite, card = parts["bundle"], parts["suite"], parts["card"]
    if which == 0:
        bundle["method"] = text
    elif which == 1:
        suite["title"] = text
    elif which == 2:
        suite["name"] = bundle["suite"] = text
    elif which == 3:
        card["code"] = text
    elif which == 4:
        card["paper"] = {"title": "x", "url": text, "year": 2020}
    elif which == 5:
        bundle["noisyseg"] = text
    elif which == 6:
        card["parameters"] = {text: text}
    else:
        suite["variant"] = text


@kind("parts")
def unseen_characters(parts, generator):
    character = UNSEEN[int(generator.integers(len(UNSEEN)))]
    place = int(generator.integers(0, 5))
    text = "abcd"[:place] + character + "abcd"[place:]
    field = one_of([*FIELDS, "authors", "method"], generator)
    parts["card"][field] = [text] if field == "authors" else text


@kind("parts")
def long_names(parts, generator):
    text = "x" * int(generator.choice([501, 10_000, 1 << 20]))
    which = int(generator.integers(5))
    if which == 0:
        parts["card"][one_of(FIELDS, generator)] = text
    elif which == 1:
        parts["card"][text] = 1
    elif which == 2:
        parts["bundle"]["method"] = parts["card"]["method"] = text
    elif which == 3:
        parts["suite"]["title"] = text
    else:
        parts["card"]["authors"] = ["a"] * 51


@kind("files")
def other_encoding(files, generator):
    name = one_of([one for one in files if one.endswith(".json")], generator)
    text = files[name].decode()
    content = one_of(
        [
            text.encode("utf-16"),
            text.encode("utf-32"),
            b"\xef\xbb\xbf" + files[name],
            files[name].replace(b"a", b"\xe9", 1),
            files[name][:-1],
            files[name] + b"{}",
            files[name].replace(b'"', b"'"),
        ],
        generator,
    )
    bundle = json.loads(files["bundle.json"])
    changed = {**files, name: content}
    return archived(changed if name == "bundle.json" else listed(changed, bundle))


@kind("files")
def odd_json(files, generator):
    name = one_of(["bundle.json", "card.json", "suite.json"], generator)
    value = json.loads(files[name])
    content = one_of(
        [
            b"[]",
            b"null",
            b"1e999",
            b"{" * 10**5,
            b"[" * 10**5 + b"]" * 10**5,
            b"",
            files[name][:-1] + b',"format":1}',
            files[name][:-1] + b',"more":NaN}',
            canonical({**value, "more": 1}),
            canonical({**value, "format": True}),
            canonical({**value, "format": 1.5}),
            canonical({**value, "method": 5}),
        ],
        generator,
    )
    bundle = json.loads(files["bundle.json"])
    changed = {**files, name: content}
    return archived(changed if name == "bundle.json" else listed(changed, bundle))


@kind("parts")
def unknown_schema(parts, generator):
    number = one_of([0, 2, 99, "1", None, -1], generator)
    where = one_of(["bundle", "card", "suite", "record", "found"], generator)
    if where in ("record", "found"):
        a_run(parts, generator)[where]["format"] = number
    else:
        parts[where]["format"] = number


ODD = (
    None,
    True,
    0,
    -1,
    2**63,
    2**70,
    0.5,
    1e308,
    "",
    "x",
    "a\u202eb",
    "9" * 5000,
    [],
    {},
    [[]],
    {"a": 1},
)
FREE = {
    "record": ("environment", "lineage", "timings", "usage", "started", "finished"),
    "card": (*FIELDS, "authors", "paper", "code"),
    "bundle": ("noisyseg",),
}
"""What nothing can be held against: as the run's own process, or the submitter, wrote it."""
SEALED = {
    ("bundle", "files"),
    ("record", "key"),
    ("record", "checksum"),
    ("record", "checksums", "predictions"),
    ("record", "checksums", "log"),
    ("record", "checksums", "manifest"),
}
"""What was made to fit again, whatever had been put there."""
TOOLS = (("metrics", "tool"), ("verified", "tool"))
"""Another version of a program is to be known, and no fault."""


@kind("parts", harmless=None)
def any_value(parts, generator):
    """Of any document of the bundle, at any depth: another value, none, or one key more."""
    run = a_run(parts, generator)
    documents = {
        "bundle": parts["bundle"],
        "card": parts["card"],
        "suite": parts["suite"],
        "record": run["record"],
        "spec": run["record"]["spec"],
        "metrics": run["record"]["metrics"],
        "found": run["found"],
    }
    name = one_of(documents, generator)

    def change(parts):
        value, path = documents[name], []
        while True:
            key = one_of(value if isinstance(value, dict) else range(len(value)), generator)
            path.append(key)
            deeper = isinstance(value[key], dict | list) and len(value[key])
            if not deeper or generator.random() < 0.2:
                break
            value = value[key]
        parts["changed"] = (name, *path)
        which, other = int(generator.integers(4)), one_of(ODD, generator)
        if other == value[key]:
            other = "x"
        if which == 0:
            del value[key]
        elif which == 1 and isinstance(value, dict):
            value[one_of(["more", "", "\u202e", "x" * 600], generator)] = one_of(ODD, generator)
        else:
            value[key] = other

    if name == "bundle":
        parts["late"] = [change]
    else:
        parts["resealed"] = name in ("card", "suite", "found")
        change(parts)


@kind("parts", harmless=True)
def untouched(parts, generator):
    """Sealed again as it was."""


# --- the tries ------------------------------------------------------------------------------------


class Tried:
    """A sound bundle, the ground that it is held against, and a place to try its mutants."""

    def __init__(self, bundle, suite, cache, work):
        self.archive = bundle.read_bytes()
        self.ground = ground_for(str(suite), None, data_root=None, cache=cache)
        self.work, self.truth = work, work / "truth.json"

    def mutant(self, name, number):
        stage, function = KINDS[name]
        generator = np.random.default_rng([sorted(KINDS).index(name), number])
        if stage == "archive":
            return function(self.archive, generator)
        parts = copy.deepcopy(self.parts)
        parts["truth"] = self.truth
        self.changed = None
        if stage == "parts":
            function(parts, generator)
            archive = archived(sealed(parts))
            self.changed = parts.get("changed")
            return archive
        return function(sealed(parts), generator)

    def verdict(self, archive):
        path = self.work / "mutant.zip"
        path.write_bytes(archive)
        return verify(path, lambda *_: self.ground).verdict

    def check(self, name, number):
        archive = self.mutant(name, number)
        verdict = self.verdict(archive)
        where = f"{name} {number}"
        if name in HARMLESS:
            assert verdict.accepted, f"{where}: {verdict.of('fails')}"
        elif verdict.accepted:
            assert self.same(archive) or self.may_be_accepted(), f"{where}: {self.changed} accepted"
        else:
            failed = {check.id for check in verdict.of("fails") if check.detail}
            assert "verification.end" not in failed, f"{where}: {verdict.of('fails')}"
            assert failed & REASONS.get(name, failed), f"{where}: {failed}"

    def may_be_accepted(self):
        """Whether the last mutant's changed value is one that nothing can be held against."""
        document, *path = self.changed or ("nothing",)
        first = path[0] if path else None
        begins = {self.changed[:length] for length in (2, 3)} if self.changed else set()
        # Predictions that come to the very same numbers are others, and as good.
        return (
            document == "found"
            or first in FREE.get(document, ())
            or bool(begins & SEALED)
            or (self.changed or ())[-2:] in TOOLS
        )

    def same(self, archive):
        """Whether an archive holds the files of the sound one: a date was changed, or the like."""
        opened = [zipfile.ZipFile(io.BytesIO(data)) for data in (archive, self.archive)]
        one, other = ({name: z.read(name) for name in z.namelist()} for z in opened)
        return one == other


@pytest.fixture
def tried(toy_store, toy_bundle, tmp_path):
    suite, _, runs = toy_store
    work = tmp_path / "fuzz"
    work.mkdir()
    made = Tried(toy_bundle, suite, tmp_path / "cache", work)
    made.truth.write_bytes(runs[0].eval_annotations.read_bytes())
    made.parts = taken_apart(made.archive)
    return made


def tree(folder):
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if path.is_file()}


def remembered(function):
    """The same function, which takes 10 ms, for the predictions that most mutants share."""
    known = {}

    def call(path, predictions, **options):
        said = (predictions.image_ids, predictions.annotations_sha256, options)
        key = sha256(path.read_bytes() + canonical(predictions.detections) + repr(said).encode())
        if key not in known:
            known[key] = function(path, predictions, **options)
        return known[key]

    return call


def all_tried(tried, monkeypatch, tmp_path, each):
    module = "noisyseg.bench.leaderboard.checks.predictions.evaluate"
    monkeypatch.setattr(module, remembered(evaluate))
    inside = tmp_path / "temporary"
    inside.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(inside))
    before = tree(tmp_path)
    failures = []
    for name in sorted(KINDS):
        for number in range(each):
            try:
                tried.check(name, number)
            except Exception as error:  # noqa: BLE001 (all that go wrong are told at once)
                failures.append(f"{name} {number}: {type(error).__name__}: {str(error)[:300]}")
    after = {path: time for path, time in tree(tmp_path).items() if path.name != "mutant.zip"}
    assert not failures, "\n".join(failures)
    assert after == before, "something was written outside of its folder"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_few_mutants_of_every_kind(tried, monkeypatch, tmp_path):
    all_tried(tried, monkeypatch, tmp_path, QUICK)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_fifty_mutants_of_every_kind(tried, monkeypatch, tmp_path):
    assert EACH >= 50
    assert EACH * len(KINDS) >= 1000
    all_tried(tried, monkeypatch, tmp_path, EACH)


def test_the_sound_bundle_is_read_as_it_was_written(tried):
    with zipfile.ZipFile(io.BytesIO(tried.archive)) as opened:
        contents = parse_contents(opened.read("bundle.json"))
    assert len(contents.runs) == len(tried.parts["runs"]) == 6
    assert Path(tried.work).is_dir()
