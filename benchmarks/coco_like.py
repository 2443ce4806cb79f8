"""Write an annotation file of the shape of COCO's train2017: `python benchmarks/coco_like.py FILE`.

118,287 images, 860,001 annotations of 80 categories with COCO's ids, about one in a hundred a
crowd, a polygon each; about 465 MB. The same bytes every time.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

NUM_IMAGES, NUM_ANNOTATIONS = 118_287, 860_001
GAPS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
CATEGORY_IDS = [number for number in range(1, 91) if number not in GAPS]
CROWD_SHARE = 0.01
MEAN_VERTICES, MOST_VERTICES = 27, 299


def write_coco_like(path: Path, scale: float = 1.0) -> None:
    """Write the file.

    Args:
        path: replaced if it is there.
        scale: of the numbers of images and annotations.
    """
    random = np.random.RandomState(0)  # whose numbers no version of NumPy changes
    num_images = max(round(NUM_IMAGES * scale), 1)
    num_annotations = max(round(NUM_ANNOTATIONS * scale), 1)
    images = np.sort(random.permutation(5 * num_images)[:num_images])
    with path.open("w", encoding="ascii") as file:
        file.write('{"info": {"description": "as COCO train2017"},"licenses": [],"images": [')
        file.writelines(_joined(_image(number) for number in images.tolist()))
        file.write('],"annotations": [')
        file.writelines(_joined(_annotations(random, images, num_annotations)))
        file.write('],"categories": [')
        file.writelines(_joined(_category(number) for number in CATEGORY_IDS))
        file.write("]}")


def _joined(entries: Iterator[str]) -> Iterator[str]:
    yield next(entries)
    for entry in entries:
        yield "," + entry


def _image(number: int) -> str:
    name = f"{number:012d}.jpg"
    return (
        f'{{"license": 3,"file_name": "{name}",'
        f'"coco_url": "http://images.cocodataset.org/train2017/{name}",'
        '"height": 480,"width": 640,"date_captured": "2013-11-14 11:18:45",'
        '"flickr_url": "http://farm9.staticflickr.com/8186/8119368305_4e622c8349_z.jpg",'
        f'"id": {number}}}'
    )


def _annotations(random: np.random.RandomState, images: np.ndarray, count: int) -> Iterator[str]:
    vertices = np.minimum(random.geometric(1 / (MEAN_VERTICES - 3), count) + 3, MOST_VERTICES)
    polygons = [
        ",".join(f"{value:.2f}" for value in random.uniform(0, 640, 2 * number))
        for number in range(MOST_VERTICES + 1)
    ]
    columns = zip(
        vertices.tolist(),
        random.uniform(100, 99999, count).tolist(),
        (random.uniform(size=count) < CROWD_SHARE).astype(int).tolist(),
        images[random.randint(0, len(images), count)].tolist(),
        random.uniform(0, 320, (count, 4)).tolist(),
        random.choice(CATEGORY_IDS, count).tolist(),
        (random.permutation(5 * count)[:count] + 1).tolist(),
        strict=True,
    )
    for number, area, crowd, image, (x, y, width, height), category, own in columns:
        yield (
            f'{{"segmentation": [[{polygons[number]}]],"area": {area:.4f},"iscrowd": {crowd},'
            f'"image_id": {image},"bbox": [{x:.2f},{y:.2f},{width:.2f},{height:.2f}],'
            f'"category_id": {category},"id": {own}}}'
        )


def _category(number: int) -> str:
    return f'{{"supercategory": "s{number // 10}","id": {number},"name": "c{number}"}}'


def main() -> None:
    """Write the file that the command line names."""
    parser = argparse.ArgumentParser(description="Write a file of the shape of COCO's train2017.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of entries")
    options = parser.parse_args()
    write_coco_like(options.file, options.scale)


if __name__ == "__main__":
    main()
