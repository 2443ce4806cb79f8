import os
import pickle

import pytest
import torch

from noisyseg.bench.training.checkpoint import load_checkpoint, save_checkpoint

KEY = "0123456789abcdef"


class Harmful:
    """An object whose unpickling makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def state():
    optimizer = torch.optim.SGD([torch.ones(3, requires_grad=True)], lr=0.1, momentum=0.9)
    optimizer.param_groups[0]["params"][0].grad = torch.arange(3.0)
    optimizer.step()
    model = {f"weight.{n}": torch.randn(5, 5) for n in range(10)}
    return {"key": KEY, "epoch": 2, "model": model, "optimizer": optimizer.state_dict()}


def test_what_is_saved_is_read_and_nothing_else_is_left(tmp_path, state):
    path = tmp_path / "checkpoints" / "last.pth"
    save_checkpoint(path, {**state, "epoch": 1})
    save_checkpoint(path, state)
    read = load_checkpoint(path, key=KEY)
    assert read["epoch"] == 2
    torch.testing.assert_close(read["model"], state["model"], rtol=0, atol=0)
    momentum = read["optimizer"]["state"][0]["momentum_buffer"]
    assert momentum.tolist() == [0.0, 1.0, 2.0]
    assert os.listdir(path.parent) == ["last.pth"]


def test_no_checkpoint_and_another_runs_are_none(tmp_path, state):
    path = tmp_path / "last.pth"
    assert load_checkpoint(path, key=KEY) is None
    save_checkpoint(path, state)
    assert load_checkpoint(path, key="fedcba9876543210") is None
    torch.save([1, 2], path)
    assert load_checkpoint(path, key=KEY) is None


def test_a_torn_file_is_none_wherever_it_is_torn(tmp_path, state):
    whole, torn = tmp_path / "whole.pth", tmp_path / "torn.pth"
    save_checkpoint(whole, state)
    data = whole.read_bytes()
    for length in [*range(0, len(data), len(data) // 40), len(data) - 1]:
        torn.write_bytes(data[:length])
        assert load_checkpoint(torn, key=KEY) is None, length
    for length in range(0, len(data) - 100, len(data) // 40):  # the rest not on the disk yet
        torn.write_bytes(data[:length] + bytes(len(data) - length))
        assert load_checkpoint(torn, key=KEY) is None, length


@pytest.mark.parametrize(
    "content", [b"hello world", b"\x80\x02.", b"PK\x03\x04 no archive", b"\x00"]
)
def test_a_file_of_another_kind_is_none(tmp_path, content):
    path = tmp_path / "last.pth"
    path.write_bytes(content)
    assert load_checkpoint(path, key=KEY) is None


@pytest.mark.parametrize("legacy", [False, True])
def test_no_object_is_unpickled(tmp_path, legacy):
    path, folder = tmp_path / "last.pth", tmp_path / "made"
    state = {"key": KEY, "epoch": 1, "model": Harmful(folder)}
    if legacy:
        path.write_bytes(pickle.dumps(state, protocol=2))
    else:
        torch.save(state, path)
    assert load_checkpoint(path, key=KEY) is None
    assert not folder.exists()
