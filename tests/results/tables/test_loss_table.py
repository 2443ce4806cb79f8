from noisyseg.results.tables.loss_table import loss_table


def statistics(epoch, noisy, clean):
    return {
        "epoch": epoch,
        "figure5": {"noisy": noisy, "clean": clean},
        "detector": {"precision": None, "recall": 0.0},
        "noisy_shares": {"memorised": 0.5, "recovered": 0.25, "background": 0.0999},
    }


def row(method="ce", *, epochs=12, head=1, heads=1):
    return {
        "method": method,
        "noise": "sym40",
        "seed": 0,
        "head": head,
        "heads": heads,
        "epochs": epochs,
        "half_time": statistics(5, 0.1, 0.2),
        "last": statistics(epochs - 1, 0.885, 0.0231),
    }


def test_half_time_and_end_stand_below_each_other():
    lines = loss_table([row(), row("a-longer-name")], ["a note"]).splitlines()
    assert len({line.index("of 12") for line in lines if "of 12" in line}) == 1
    assert [lines[1], lines[4]] == ["ce · sym40 · seed 0", "a-longer-name · sym40 · seed 0"]
    first, last = (line.split("  ") for line in lines[2:4])
    assert [cell.strip() for cell in first if cell.strip()][:3] == [
        "6 of 12",
        "10.0 %",
        "20.0 %",
    ]
    assert [cell.strip() for cell in last if cell.strip()] == [
        "12 of 12",
        "88.5 %",
        "2.31 %",
        "—",
        "0.00 %",
        "50.0 %",
        "25.0 %",
        "10.0 %",
    ]
    assert "88.5 % and 2.31 %" in " ".join(lines)
    assert lines[-1] == "a note"


def test_it_fits_100_columns_whatever_the_names_and_notes():
    noted = "a note on what a reader of these numbers must know " * 4
    lines = loss_table([row("taylor-cross-entropy-of-" + "x" * 60)], [noted]).splitlines()
    assert max(map(len, lines)) <= 100
    assert " ".join(lines).endswith(noted.strip())


def test_a_single_epoch_has_one_line():
    lines = loss_table([row(epochs=1)]).splitlines()
    assert sum("1 of 1" in line for line in lines) == 1
    assert "1 of 1" in lines[2]


def test_stages_are_told_apart():
    text = loss_table([row(head=1, heads=2), row(head=2, heads=2)])
    assert "seed 0 · stage 1" in text
    assert "seed 0 · stage 2" in text
