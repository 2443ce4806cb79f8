import pytest

from noisyseg.bench.cli.checks import print_checks, status_of
from noisyseg.contract import Check

GOOD = Check(name="speed", passed=True, detail="")
BAD = Check(name="a loss", passed=False, detail="wanted (N,), got ()")


@pytest.mark.parametrize(
    ("checks", "untried", "status", "verdict"),
    [
        ([GOOD, GOOD], "", 0, "all 2 checks passed"),
        ([GOOD, BAD], "", 1, "1 of 2 checks FAILED"),
        ([BAD], "6 were not tried", 1, "1 of 1 checks FAILED; 6 were not tried"),
    ],
)
def test_the_last_line_and_the_status_say_whether_all_passed(
    capsys, checks, untried, status, verdict
):
    print_checks("mine", checks, untried)
    assert capsys.readouterr().out.splitlines()[-1] == f"mine: {verdict}"
    assert status_of(checks) == status


def test_each_check_has_a_line_in_columns_without_blanks_at_its_end(capsys):
    print_checks("mine", [GOOD, BAD], "")
    assert capsys.readouterr().out.splitlines()[:2] == [
        "ok      speed",
        "FAILED  a loss  wanted (N,), got ()",
    ]
