import json

from noisyseg.methods.built_in import METHODS


def test_methods_are_listed_and_shown(call):
    listed = json.loads(call("methods", "list", "--json").out)
    assert [row["name"] for row in listed] == list(METHODS)
    lines = call("methods", "list").out.splitlines()
    # A method's name stands at the margin, what is told of it beside and below.
    assert [line.split()[0] for line in lines if line[0] != " "] == list(METHODS)
    text = " ".join(" ".join(lines).split())
    for row in listed:
        shown = call("methods", "show", row["name"]).out
        assert f"paper: {row['paper']}\n" in shown
        assert row["paper"] in text
        for name, value in row["parameters"].items():
            written = json.dumps(value) if isinstance(value, bool) else value
            written = f"{value:g}" if isinstance(value, float) else written
            assert f"\n  {name} = {written}\n" in shown
            assert f"{name} {written}" in text
    details = json.loads(call("methods", "show", "gce", "--json").out)
    assert (details["name"], details["parameters"]) == ("gce", {"q": 0.3})
    assert "NeurIPS 2018" in details["paper"]
    assert call("methods", "show", "ours").out == call("methods", "show", "lncis").out
    assert "\nneeds: annotation_ids\n" in call("methods", "show", "jol").out
    said = "\nbegins as: ce, up to e1 of all epochs"
    assert f"{said}, if stage_wise\n" in call("methods", "show", "lncis").out
    assert f"{said}\n" in call("methods", "show", "split-gce").out
    assert "begins as" not in call("methods", "show", "jol").out
    details = json.loads(call("methods", "show", "lncis", "--json").out)
    assert details["begins_as"] == {"method": "ce", "until": "e1", "when": "stage_wise"}
    assert "unknown method 'gec'. Did you mean 'gce'?" in call("methods", "show", "gec").err
