from noisyseg.text_lines import COLUMNS, printable, with_path, wrapped


def test_lines_are_broken_between_words_alone():
    words = ["--noise-seeds", "semi-supervised", "/a/long-folder/of-somebody"] * 9
    lines = wrapped(" ".join(words), indent="    ", hanging="  ")
    assert len(lines) > 1
    assert all(len(line) <= COLUMNS for line in lines)
    assert " ".join(lines).split() == words
    assert [len(line) - len(line.lstrip()) for line in lines] == [4] + [2] * (len(lines) - 1)


def test_a_word_longer_than_a_line_stays_whole():
    path = "/scratch/" + "x" * 200
    assert wrapped(f"no folder {path}, they said") == ["no folder", f"{path},", "they said"]


def test_a_path_that_does_not_fit_gets_its_own_line():
    assert with_path("3 figures written to", "runs/figures") == "3 figures written to runs/figures"
    long = "/scratch/" + "x" * 80
    assert with_path("3 figures written to", long) == f"3 figures written to\n  {long}"


def test_nothing_printable_moves_the_cursor():
    assert printable("a\x1b[2Jb\tc\nd é·日") == "a�[2Jb�c�d é·日"
