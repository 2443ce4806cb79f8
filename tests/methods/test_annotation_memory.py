import io

import pytest
import torch

from noisyseg.methods.annotation_memory import (
    AnnotationMemory,
    mean_by_annotation,
    merged_memory,
)


def ids(*numbers):
    return torch.tensor(numbers, dtype=torch.long)


def through_a_file(state):
    """As a checkpoint is written and read: no objects."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_what_was_never_written_is_zero():
    memory = AnnotationMemory()
    like = torch.ones(2, 3)
    assert torch.equal(memory.read(ids(4, 5), like=like), torch.zeros(2, 3))
    memory.write(ids(5), torch.tensor([[1.0, 2.0, 3.0]]))
    found = memory.read(ids(4, 5), like=like)
    assert found.tolist() == [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]


def test_a_row_is_replaced_and_the_others_stay():
    memory = AnnotationMemory()
    memory.write(ids(7, 2, 9), torch.tensor([[1.0], [2.0], [3.0]]))
    memory.write(ids(2, 11), torch.tensor([[20.0], [4.0]]))
    found = memory.read(ids(11, 9, 2, 7, 2), like=torch.zeros(5, 1))
    assert found.flatten().tolist() == [4.0, 3.0, 20.0, 1.0, 20.0]


def test_everything_is_in_the_order_of_first_writing():
    memory = AnnotationMemory()
    empty_ids, empty = memory.everything()
    assert (empty_ids.shape, empty.shape) == ((0,), (0, 0))
    assert empty_ids.dtype == torch.long
    memory.write(ids(7, 2), torch.tensor([[1.0], [2.0]]))
    memory.write(ids(2, 1, 7), torch.tensor([[20.0], [3.0], [10.0]]))
    found, values = memory.everything()
    assert found.tolist() == [7, 2, 1]
    assert values.flatten().tolist() == [10.0, 20.0, 3.0]


def test_many_annotations_in_many_batches():
    """A table grows several times; ids are far apart, as COCO's are."""
    memory = AnnotationMemory()
    numbers = [(37 * n) % 1009 * 10**9 for n in range(1009)]
    for begin in range(0, 1009, 50):
        some = numbers[begin : begin + 50]
        memory.write(ids(*some), torch.tensor([[float(n // 10**9), 1.0] for n in some]))
    found = memory.read(ids(*reversed(numbers)), like=torch.zeros(1009, 2))
    assert found[:, 0].tolist() == [float(n // 10**9) for n in reversed(numbers)]
    assert found[:, 1].eq(1.0).all()
    assert memory.everything()[1].shape == (1009, 2)


def test_what_is_handed_out_and_taken_in_is_a_copy():
    memory = AnnotationMemory()
    values = torch.tensor([[1.0, 2.0]])
    memory.write(ids(3), values)
    values.zero_()
    memory.read(ids(3), like=values).zero_()
    memory.everything()[1].zero_()
    memory.state_dict()["values"].zero_()
    assert memory.read(ids(3), like=values).tolist() == [[1.0, 2.0]]


def test_no_gradient_is_kept():
    memory = AnnotationMemory()
    values = torch.ones(1, 2, requires_grad=True)
    memory.write(ids(3), 2 * values)
    found = memory.read(ids(3), like=values)
    assert not found.requires_grad
    assert not memory.everything()[1].requires_grad


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_rows_are_float32_and_read_in_the_readers_type(dtype):
    memory = AnnotationMemory()
    memory.write(ids(1), torch.tensor([[0.5, 0.1]], dtype=dtype))
    assert memory.everything()[1].dtype == torch.float32
    for wanted in (torch.float16, torch.float64):
        found = memory.read(ids(1, 2), like=torch.zeros(2, 2, dtype=wanted))
        assert found.dtype == wanted
        assert found[0, 0].item() == 0.5


def test_no_rois_leave_it_as_it_was():
    memory = AnnotationMemory()
    memory.write(ids(), torch.zeros(0, 3))
    assert memory.read(ids(), like=torch.zeros(0, 3)).shape == (0, 3)
    memory.write(ids(1), torch.ones(1, 3))
    memory.write(ids(), torch.zeros(0, 3))
    assert memory.read(ids(), like=torch.zeros(0, 3)).shape == (0, 3)
    assert memory.everything()[0].tolist() == [1]


def test_state_goes_through_a_file():
    memory = AnnotationMemory()
    memory.write(ids(9, 4), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    again = AnnotationMemory()
    again.write(ids(5), torch.ones(1, 2))
    again.load_state_dict(through_a_file(memory.state_dict()))
    assert again.everything()[0].tolist() == [4, 9]
    found = again.read(ids(4, 9, 5), like=torch.zeros(3, 2))
    assert found.tolist() == [[3.0, 4.0], [1.0, 2.0], [0.0, 0.0]]
    again.write(ids(4), torch.zeros(1, 2))
    assert memory.read(ids(4), like=torch.zeros(1, 2)).tolist() == [[3.0, 4.0]]


def test_state_of_one_never_written():
    again = AnnotationMemory()
    again.write(ids(5), torch.ones(1, 2))
    again.load_state_dict(through_a_file(AnnotationMemory().state_dict()))
    assert again.read(ids(5), like=torch.ones(1, 2)).tolist() == [[0.0, 0.0]]


def test_state_is_on_the_processor_and_reads_go_where_they_are_wanted():
    """The meta device has shapes without numbers: whatever mixes devices fails on it."""
    memory = AnnotationMemory()
    memory.write(ids(5), torch.ones(1, 2))
    state = memory.state_dict()
    assert {state["ids"].device.type, state["values"].device.type} == {"cpu"}
    found = memory.read(ids(5), like=torch.zeros(1, 2, device="meta"))
    assert (found.device.type, found.shape) == ("meta", (1, 2))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_memory_read_from_a_file_goes_on_on_the_gpu():
    memory = AnnotationMemory()
    memory.write(ids(5), torch.ones(1, 2))
    memory.load_state_dict(through_a_file(memory.state_dict()))
    memory.write(ids(6, 5).cuda(), torch.tensor([[2.0, 2.0], [3.0, 3.0]]).cuda())
    found = memory.read(ids(5, 6).cuda(), like=torch.zeros(2, 2).cuda())
    assert found.tolist() == [[3.0, 3.0], [2.0, 2.0]]


def test_means_over_the_rois_of_an_annotation():
    values = torch.tensor([[1.0, 0.0], [2.0, 4.0], [3.0, 2.0], [5.0, 5.0]], dtype=torch.float64)
    unique, means, place = mean_by_annotation(values, ids(8, 3, 8, 8))
    assert unique.tolist() == [3, 8]
    assert means[0].tolist() == [2.0, 4.0]
    assert means[1].tolist() == pytest.approx([9 / 3, 7 / 3])
    assert means.dtype == torch.float64
    assert place.tolist() == [1, 0, 1, 1]


def test_means_of_no_rois():
    unique, means, place = mean_by_annotation(torch.zeros(0, 3), ids())
    assert (unique.shape, means.shape, place.shape) == ((0,), (0, 3), (0,))


# Of several ranks


def state_of(rows):
    memory = AnnotationMemory()
    for number, value in rows.items():
        memory.write(ids(number), torch.tensor([[value]]))
    return memory.state_dict()


def rows_of(state):
    return dict(zip(state["ids"].tolist(), state["values"].flatten().tolist(), strict=True))


def test_a_state_is_in_one_order_however_it_was_written():
    one, other = state_of({9: 1.0, 2: 2.0, 5: 3.0}), state_of({5: 3.0, 9: 1.0, 2: 2.0})
    assert one["ids"].tolist() == [2, 5, 9]
    assert torch.equal(one["ids"], other["ids"])
    assert torch.equal(one["values"], other["values"])
    assert rows_of(one) == {9: 1.0, 2: 2.0, 5: 3.0}


def test_each_annotation_has_the_row_of_the_rank_that_changed_it():
    before = state_of({1: 1.0, 2: 2.0, 3: 3.0})
    first = state_of({1: 10.0, 2: 2.0, 3: 3.0, 5: 5.0})
    second = state_of({1: 1.0, 2: 20.0, 3: 3.0, 4: 4.0})
    merged = merged_memory(before, [first, second])
    assert rows_of(merged) == {1: 10.0, 2: 20.0, 3: 3.0, 4: 4.0, 5: 5.0}
    assert merged["ids"].tolist() == [1, 2, 3, 4, 5]


def test_what_all_ranks_forgot_is_forgotten_and_what_all_changed_alike_stays():
    merged = merged_memory(state_of({1: 1.0, 2: 2.0}), [state_of({2: 7.0}), state_of({2: 7.0})])
    assert rows_of(merged) == {2: 7.0}
    # An epoch's sums begin anew: a rank whose row is by chance what it was is not overruled.
    merged = merged_memory(state_of({1: 1.0, 2: 2.0}), [state_of({1: 1.0}), state_of({2: 5.0})])
    assert rows_of(merged) == {1: 1.0, 2: 5.0}


def test_where_two_ranks_changed_an_annotation_the_first_counts():
    merged = merged_memory(
        state_of({1: 1.0}), [state_of({1: 1.0}), *map(state_of, ({1: 2}, {1: 3}))]
    )
    assert rows_of(merged) == {1: 2.0}


def test_memories_that_hold_nothing():
    empty = AnnotationMemory().state_dict()
    assert rows_of(merged_memory(empty, [empty, empty])) == {}
    assert rows_of(merged_memory(empty, [empty, state_of({3: 1.5})])) == {3: 1.5}
    memory = AnnotationMemory()
    memory.load_state_dict(merged_memory(empty, [empty, state_of({3: 1.5})]))
    assert memory.read(ids(3), like=torch.zeros(1, 1)).item() == 1.5
