from noisyseg.annotation_files.mapped_file import let_go, map_file


def test_bytes_that_were_let_go_are_read_again(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"x" * 10_000)
    data = map_file(path)
    assert data[:] == b"x" * 10_000
    let_go(data)
    assert data[:] == b"x" * 10_000
    path.write_bytes(b"")
    let_go(map_file(path))
    assert map_file(path)[:] == b""
