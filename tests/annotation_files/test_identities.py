import pytest

from noisyseg.annotation_files import identities
from noisyseg.annotation_files.columns import columns_of
from noisyseg.annotation_files.findings import grouped
from noisyseg.annotation_files.identities import file_name, identity_findings, in_both_parts


def kinds(document):
    return [finding.kind for finding in identity_findings(columns_of(document))]


def test_ids_of_sixty_four_bits_and_below(made):
    assert kinds(made()) == []
    assert kinds(made(id=0)) == []
    assert kinds(made(id=2**63 - 1)) == []
    assert kinds(made(id=2**63)) == [identities.TOO_LARGE]
    assert kinds(made(id=-1)) == [identities.NEGATIVE]


@pytest.mark.parametrize(("number", "wrong"), [(-7, False), (2**53 + 1, False), (2**63, True)])
def test_ids_of_images_and_categories(made, number, wrong):
    document = made()
    document["images"].append({**document["images"][0], "id": number, "file_name": "b.png"})
    assert kinds(document) == [identities.TOO_LARGE] * wrong
    document = made()
    document["categories"].append({"id": number, "name": "dog"})
    assert kinds(document) == [identities.TOO_LARGE] * wrong


@pytest.mark.parametrize("again", ["a.png", "./a.png", ".//a.png"])
def test_an_image_listed_twice(made, again):
    document = made()
    document["images"].append({**document["images"][0], "id": 2, "file_name": again})
    (finding,) = identity_findings(columns_of(document))
    assert finding.kind == identities.TWICE
    assert finding.where == f"image 2 ({again}) is image 1 again"


@pytest.mark.parametrize("other", ["b/a.png", "A.png", "a.jpg"])
def test_images_whose_names_only_look_alike(made, other):
    document = made()
    document["images"].append({**document["images"][0], "id": 2, "file_name": other})
    assert kinds(document) == []


def test_lvis_names_images_by_their_address():
    image = {"id": 9, "coco_url": "http://images.cocodataset.org/val2017/000000000009.jpg"}
    assert file_name(image) == "val2017/000000000009.jpg"
    assert file_name({**image, "file_name": "own.jpg"}) == "own.jpg"


def test_images_in_both_parts_are_told_by_their_files():
    one, two, three = ({"id": n, "file_name": f"{n}.png"} for n in (1, 2, 3))
    assert in_both_parts({(1, 1): one}, {(1, 2): one}) == []
    (line,) = grouped(in_both_parts({(1, 1): one, (1, 2): two}, {(1, 2): three, (1, 4): one}))
    assert line.startswith(
        "1 of 2 evaluation images are trained on, too, the first of them image 3"
    )
