"""Noisy annotation files by docs/draws.md alone: integers, fractions and SHA-256, nothing of ours.

    python plain_draws.py CLEAN.json SPEC.json NOISY.json

SPEC.json: {"seed": 1, "steps": [{"type": "symmetric", "rate": "0.4", …}]}; decimals are texts.
"""

import hashlib
import json
import re
import sys
from fractions import Fraction
from pathlib import Path

WORD = 2**64
COCO = """1-9: 2 3 4 5 6 7 8; 10-15: 10 11 13 14; 16-25: 16 17 18 19 20 21 22 23 24;
27-33: 27 28 31 32; 34-43: 34 36 36 37 38 39 40 41 42; 44-51: 44 46 47 48 49 50;
52-61: 52 53 54 55 56 57 58 59 60; 62-70: 62 63 64 65 67; 72-77: 72 73 74 75 76;
78-82: 78 79 80 81; 84-90: 84 85 86 87 88 89"""


def mix(x):
    z = (x + 0x9E3779B97F4A7C15) % WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


def stream(name):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def bits(seed, name, number):
    return mix(mix(mix(seed) ^ stream(name)) ^ (number % WORD))


def double(value):
    """The nearest number with 53 binary digits, ties to even, as a fraction (none is subnormal)."""
    value = Fraction(value)
    if not value:
        return value
    shift = 53 - (value.numerator.bit_length() - value.denominator.bit_length())
    scaled = value * Fraction(2) ** shift  # 2^52 < scaled < 2^54
    if scaled >= 2**53:
        scaled, shift = scaled / 2, shift - 1
    return round(scaled) / Fraction(2) ** shift  # Python rounds fractions to even


def below(u, rate):
    """Whether u / 2^53 is below a rate."""
    return u < -((-rate * 2**53) // 1)


class Step:
    """One step on the categories of a file."""

    def __init__(self, step, number, seed, categories):
        self.step, self.seed = step, seed
        self.name = f"{step['type']}/{number}/"
        self.categories = categories
        names = [category["name"] for category in categories]
        exempt = step.get("exempt", [])
        if step["type"] == "superclass-pairs" and "exempt" not in step:
            exempt = ["person"]
        self.free = [i for i, name in enumerate(names) if name not in exempt]
        self.names = names
        scripts = step.get("convention") == "lncis-code"
        self.crowds = step.get("crowds", scripts)
        self.scripts = scripts

    def bits(self, purpose, number):
        return bits(self.seed, self.name + purpose, number)

    def u(self, purpose, number):
        return self.bits(purpose, number) >> 11

    def choice(self, purpose, number, n):
        return ((self.bits(purpose, number) >> 32) * n) >> 32

    def targets(self):
        """A list of class indices for each class."""
        make = getattr(self, "_" + self.step["type"].replace("-", "_"))
        lists = [[] for _ in self.categories]
        for i, row in make().items():
            lists[i] = row
        return lists

    def _symmetric(self):
        if self.scripts:
            by_id = sorted(self.free, key=lambda i: self.categories[i]["id"])
            return dict.fromkeys(self.free, by_id[:-1])
        return {i: [j for j in self.free if j != i] for i in self.free}

    def _asymmetric(self):
        if self.step["map"] == "coco":
            return self._coco()
        pairs = {self.names.index(a): self.names.index(b) for a, b in self.step["map"].items()}
        return {i: [j] for i, j in pairs.items() if i in self.free and j in self.free}

    def _coco(self):
        place = {category["id"]: i for i, category in enumerate(self.categories)}
        found = {}
        for line in COCO.split(";"):
            ends, row = line.split(":")
            low, high = map(int, ends.split("-"))
            for number in range(low, high + 1):
                if place.get(number) in self.free:
                    all_targets = [place[int(target)] for target in row.split()]
                    found[place[number]] = [j for j in all_targets if j in self.free]
        return found

    def _groups(self):
        groups = {}
        for i in self.free:
            groups.setdefault(self.categories[i]["supercategory"], []).append(i)
        return groups.values()

    def _superclass_uniform(self):
        return {i: [j for j in group if j != i] for group in self._groups() for i in group}

    def _superclass_pairs(self):
        found = {}
        for group in self._groups():
            ids = sorted(
                (self.u("pair", n), n, i) for i in group for n in [self.categories[i]["id"]]
            )
            if len(ids) > 1:
                one, other = ids[0][2], ids[1][2]
                found |= {one: [other], other: [one]}
        return found

    def by_list(self, numbers, classes):
        rate = double(self.step["rate"])
        lists = self.targets()
        after = []
        for number, i in zip(numbers, classes, strict=True):
            row = lists[i]
            if row and below(self.u("flip", number), rate):
                i = row[self.choice("target", number, len(row))]
            after.append(i)
        return after

    def by_matrix(self, numbers, classes):
        sums = {}
        for i in range(len(self.names)):
            row = self.step["matrix"].get(self.names[i], {})
            total, sums[i] = Fraction(0), []
            for j, name in enumerate(self.names):
                counts = i != j and i in self.free and j in self.free
                total = double(total + (double(row.get(name, 0)) if counts else 0))
                sums[i].append(total)
        after = []
        for number, i in zip(numbers, classes, strict=True):
            rate = sums[i][-1]
            if below(self.u("flip", number), rate):
                aim = double(Fraction(self.u("target", number), 2**53) * rate)
                above = [j for j, total in enumerate(sums[i]) if total > aim]
                i = above[0] if above else sums[i].index(rate)
            after.append(i)
        return after

    def without(self, numbers):
        """The ids that `missing` leaves out."""
        count = Fraction(self.step["rate"]) * len(numbers) // 1
        return set(sorted(numbers, key=lambda number: (self.u("rank", number), number))[:count])


class Verbatim(str):
    """A number with a point, as the file writes it."""


def written(value):
    if isinstance(value, dict):
        return "{" + ",".join(f"{written(k)}:{written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return value if isinstance(value, Verbatim) else json.dumps(value, ensure_ascii=False)


def noisy(data, spec):
    document = json.loads(data, parse_float=Verbatim)
    entries, categories = document["annotations"], document["categories"]
    index = {category["id"]: i for i, category in enumerate(categories)}
    labels = {entry["id"]: index[entry["category_id"]] for entry in entries}
    crowds = {entry["id"] for entry in entries if entry.get("iscrowd") not in (0, False, None)}
    seen = {}
    for raw in spec["steps"]:
        kind = raw["type"]
        step = Step(raw, seen.get(kind, 0), spec["seed"], categories)
        seen[kind] = seen.get(kind, 0) + 1
        touched = [number for number in labels if step.crowds or number not in crowds]
        if kind == "missing":
            for number in step.without(touched):
                del labels[number]
            continue
        change = step.by_matrix if "matrix" in raw else step.by_list
        changed = change(touched, [labels[number] for number in touched])
        labels |= dict(zip(touched, changed, strict=True))
    after = [(e, categories[labels[e["id"]]]["id"]) for e in entries if e["id"] in labels]
    if len(after) == len(entries) and all(e["category_id"] == new for e, new in after):
        return data
    if "missing" not in seen and data.count(b'"category_id"') == len(entries):
        pieces = re.split(rb'("category_id"\s*:\s*)(-?\d+)', data)
        pieces[2::3] = [str(new).encode() for _, new in after]
        return b"".join(pieces)
    document["annotations"] = [{**e, "category_id": new} for e, new in after]
    return written(document).encode()


if __name__ == "__main__":
    clean, spec, out = map(Path, sys.argv[1:])
    out.write_bytes(noisy(clean.read_bytes(), json.loads(spec.read_text(encoding="utf-8"))))
