from noisyseg.bench.doctor.finding import examined, ok
from noisyseg.opencv_build import MEND


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


def test_an_opencv_that_wants_windows_is_mended_by_the_other_build():
    def broken():
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    def absent():
        raise ImportError("libcudart.so.13: cannot open shared object file")

    assert [one.mend for one in examined("stack", broken)] == [MEND]
    assert "report" in examined("stack", absent)[0].mend
