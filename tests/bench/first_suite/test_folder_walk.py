"""Folders below one."""

from noisyseg.bench.first_suite.folder_walk import walk


def test_each_folder_once_without_what_is_hidden_or_programs_own(tmp_path):
    for place in ("a/b", ".git/c", "runs/d", "1/2/3/4/5/6"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "x.txt").touch()
    (tmp_path / "a" / ".hidden").touch()
    (tmp_path / "a" / "round").symlink_to(tmp_path)
    found = {folder.relative_to(tmp_path).as_posix(): names for folder, names in walk(tmp_path)}
    assert sorted(found) == [".", "1", "1/2", "1/2/3", "1/2/3/4", "1/2/3/4/5", "a", "a/b"]
    assert found["a/b"] == ["x.txt"]
    assert found["a"] == []
