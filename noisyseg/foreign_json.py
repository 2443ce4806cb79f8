"""What a JSON document is that holds annotations, but not COCO's of instances."""

from typing import Any

Entry = dict[str, Any]


def describe_json(document: Any) -> str | None:
    """A sentence on the tool that writes such documents and on what makes COCO of one.

    Returns:
        It begins with "it is"; None for a document of no known kind, and for COCO's own.
    """
    if isinstance(document, list):
        return _of_list(document)
    if isinstance(document, dict):
        return _of_tool(document) or _of_coco(document)
    return None


def _of_list(entries: list[Any]) -> str | None:
    first = next((entry for entry in entries if isinstance(entry, dict)), None)
    if first is None:
        return None
    if _has(first, "image_id", "category_id"):
        if "score" in first:
            return (
                "it is a list of COCO results, what a detector found: name the file of the "
                "annotations that it was evaluated on."
            )
        return (
            "it is the list `annotations` alone: a COCO file is an object that has the lists "
            "images and categories beside it."
        )
    if "data" in first and ({"annotations", "completions", "predictions"} & first.keys()):
        return "it is Label Studio's JSON: export the project from there as COCO."
    if {"annotation_id", "lead_time", "annotator"} & first.keys() and "id" in first:
        return "it is Label Studio's short JSON: export the project from there as COCO."
    if _has(first, "image", "annotations") and "coordinates" in _first(first, "annotations"):
        return "it is Create ML's JSON, which has boxes alone: export the annotations as COCO."
    if _has(first, "name", "labels"):
        return (
            "it is JSON in the form of Scalabel and BDD100K: python -m scalabel.label.to_coco "
            "makes COCO of it."
        )
    return None


def _of_tool(document: Entry) -> str | None:
    """An annotation tool's or a data set's own form."""
    regions = next(iter(document.values()), None)
    if "_via_img_metadata" in document or (
        isinstance(regions, dict) and _has(regions, "filename", "regions")
    ):
        return (
            "it is a project of the VGG Image Annotator (VIA): export it there by Annotation, "
            "Export Annotations (COCO format)."
        )
    if isinstance(document.get("shapes"), list) and (
        {"imagePath", "imageData", "imageHeight"} & document.keys()
    ):
        return (
            "it is LabelMe's JSON, an image a file: labelme's examples/instance_segmentation/"
            "labelme2coco.py makes one COCO file of a folder of them."
        )
    if _has(document, "imgHeight", "imgWidth", "objects"):
        return (
            "it is Cityscapes' JSON, an image a file: noisyseg data prepare cityscapes converts "
            "the data set."
        )
    if isinstance(document.get("objects"), list) and isinstance(document.get("size"), dict):
        return (
            "it is Supervisely's JSON, an image a file: its app `Export to COCO` makes one COCO "
            "file of a project."
        )
    if "title" in _first(document, "classes") and "shape" in _first(document, "classes"):
        return (
            "it is the meta.json of a Supervisely project: its app `Export to COCO` makes a COCO "
            "file of the project."
        )
    if document.get("type") == "FeatureCollection":
        return (
            "it is GeoJSON, in a map's coordinates: export the annotations as COCO, in pixels of "
            "the images."
        )
    if _has(document, "noisy_sha256", "clean_sha256"):
        return "it is a manifest of noise: name the noisy file, which lies beside it."
    return None


def _of_coco(document: Entry) -> str | None:
    """COCO, but not of instances."""
    first = _first(document, "annotations")
    if "segments_info" in first:
        return (
            "it is COCO's panoptic form, a segmentation an image: panopticapi's "
            "converters/panoptic2detection_coco_format.py makes instances of it."
        )
    if isinstance(document.get("videos"), list):
        return (
            "it is COCO's form for videos, an object with a mask a frame: each frame must become "
            "an image with annotations of its own."
        )
    if "caption" in first and "category_id" not in first:
        return "it is COCO's captions: name the file of the instances (instances_….json)."
    lists = [key for key in ("images", "categories") if isinstance(document.get(key), list)]
    if len(lists) == 2 and "annotations" not in document:
        return (
            "it is a list of images without annotations, as COCO's image_info_….json of the test "
            "images are: name a file that has the list annotations."
        )
    return None


def _has(entry: Entry, *keys: str) -> bool:
    return all(key in entry for key in keys)


def _first(document: Entry, key: str) -> Entry:
    """The first entry of a list in the document; empty if there is none."""
    entries = document.get(key)
    if isinstance(entries, list) and entries and isinstance(entries[0], dict):
        return entries[0]
    return {}
