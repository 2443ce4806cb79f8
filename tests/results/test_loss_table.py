from noisyseg.results.loss_table import loss_table


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
    assert len({line.index("of 12") for line in lines[1:5]}) == 1
    first, last = (line.split("  ") for line in lines[1:3])
    assert [cell.strip() for cell in first if cell.strip()][:4] == [
        "ce · sym40 · seed 0",
        "6 of 12",
        "10.0 %",
        "20.0 %",
    ]
    assert [cell.strip() for cell in last if cell.strip()][1:] == [
        "12 of 12",
        "88.5 %",
        "2.31 %",
        "—",
        "0.00 %",
        "50.0 %",
        "25.0 %",
        "10.0 %",
    ]
    assert "88.5 % and 2.31 %" in lines[-2]
    assert lines[-1] == "a note"


def test_a_single_epoch_has_one_line():
    lines = loss_table([row(epochs=1)]).splitlines()
    assert [line for line in lines if line.startswith("ce")] == [lines[1]]
    assert "1 of 1" in lines[1]


def test_stages_are_told_apart():
    text = loss_table([row(head=1, heads=2), row(head=2, heads=2)])
    assert "seed 0 · stage 1" in text
    assert "seed 0 · stage 2" in text
