import json

from noisyseg.bench.config.shipped import shipped_names, shipped_path


def test_suites_are_listed_and_shown(call):
    assert call("suite", "list").out.split() == shipped_names("suite")
    assert json.loads(call("suite", "list", "--json").out) == shipped_names("suite")
    shown = call("suite", "show", "smoke").out
    assert shown == shipped_path("suite", "smoke").read_text(encoding="utf-8")


def test_a_suite_is_validated_with_its_data_and_its_noise(call, toy):
    before = sorted(toy.root.rglob("*"))
    done = call("suite", "validate", toy.file)
    assert (done.status, done.out) == (0, f"{toy.file}: valid: 4 cells, 4 runs\n")
    assert sorted(toy.root.rglob("*")) == before
    for section, key, value, problem in (
        ("noise", "sym40", {"type": "symetric", "rate": 0.4}, "symmetric"),
        ("noise", "sym40", {"type": "symmetric", "rate": 4}, "from 0 to 1"),
        ("data", "classes", ["fox", "wolf"], "no category 'wolf'"),
        ("data", "clases", ["fox"], "classes"),
    ):
        kept = dict(toy.suite[section])
        toy.suite[section] = {**kept, key: value}
        toy.write()
        done = call("suite", "validate", toy.file)
        assert (done.status, done.out) == (2, "")
        assert problem in done.err
        toy.suite[section] = kept
