from noisyseg.bench.cluster.outcome_line import outcome_line
from noisyseg.results.records.record import with_fault


def test_the_line_of_a_run_that_is_done(runs, record_of):
    line = outcome_line(runs[0], record_of(runs[0], average=29.06))
    assert line == "ce · clean · seed 0: mask AP 29.1 in 1 min 05 s"
    assert "mask AP unknown" in outcome_line(runs[0], record_of(runs[0], average=None))


def test_the_line_of_a_run_that_failed_names_reason_and_log(runs, record_of):
    line = outcome_line(runs[1], record_of(runs[1], failure="no memory\nmore of it"))
    assert line == f"lncis · clean · seed 0: FAILED: no memory (log: {runs[1].folder / 'run.log'})"


def test_who_did_it_is_said_if_it_was_another(runs, record_of):
    line = outcome_line(runs[0], record_of(runs[0]), elsewhere=True)
    assert line == "ce · clean · seed 0: mask AP 30.0 in 1 min 05 s, by another driver"


def test_a_reason_cannot_clear_the_screen(runs, record_of):
    assert "\x1b" not in outcome_line(runs[1], record_of(runs[1], failure="\x1b[2J"))


def test_a_run_that_was_stopped_did_not_fail(runs, record_of):
    record = with_fault(record_of(runs[1], failure="asked to stop"), "terminated")
    assert outcome_line(runs[1], record) == "lncis · clean · seed 0: stopped: terminated"
