from noisyseg.bench.doctor.finding import examined, ok


def test_a_check_that_fails_itself_is_a_finding_that_names_it():
    def broken():
        yield ok("memory", "much")
        raise ZeroDivisionError("no\nbytes")

    kept, failed = examined("memory", broken)
    assert kept == ok("memory", "much")
    assert (failed.name, failed.level) == ("memory", "problem")
    assert failed.text == "could not be looked at: ZeroDivisionError: no bytes"
    assert failed.mend


def test_a_check_that_finds_nothing_says_nothing():
    assert examined("memory", lambda: []) == []
