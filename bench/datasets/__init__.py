"""Data sets: the built-in one, and any COCO-format folder."""
