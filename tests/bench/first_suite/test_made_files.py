"""Files that init makes of somebody's."""

import json

from noisyseg.bench.first_suite.hold_out import classes_of_images, held_out
from noisyseg.bench.first_suite.made_files import file_of


def test_a_part_has_its_images_annotations_as_they_were(folder):
    path = folder.part("all.json", "images", number=9)
    whole = json.loads(path.read_bytes())
    stay, out = held_out(whole["images"], 0.3, classes_of_images(path))
    assert [len(stay), len(out)] == [6, 3]
    parts = [json.loads(file_of(path, images)) for images in (stay, out)]
    for key in ("images", "annotations"):
        both = sorted(parts[0][key] + parts[1][key], key=lambda entry: entry["id"])
        assert both == whole[key]
    assert parts[0]["categories"] == parts[1]["categories"] == whole["categories"]


def test_a_file_with_something_unusual_is_parsed(folder):
    path = folder.part("all.json", "images", number=3)
    document = json.loads(path.read_bytes())
    document["annotations"][0]["id"] = 2**63  # more than a table of them holds
    path.write_text(json.dumps(document))
    part = json.loads(file_of(path, document["images"][:2]))
    assert part["annotations"] == document["annotations"][:2]
    assert part["images"] == document["images"][:2]
