import pytest

from noisyseg.bench.cluster.node_answers import Reading, closest, named_nodes


def node(host, address, number, alive=True):
    return {
        "NodeManagerHostname": host,
        "NodeManagerAddress": address,
        "NodeID": number,
        "Alive": alive,
    }


def test_nodes_that_are_alive_have_names_that_tell_them_apart():
    nodes = [
        node("a", "10.0.0.1", "1234567890"),
        node("b", "10.0.0.2", "2234567890"),
        node("b", "10.0.0.2", "3234567890"),
        node("c", "10.0.0.3", "4234567890", alive=False),
    ]
    found = named_nodes(nodes)
    assert list(found) == ["a (10.0.0.1)", "b (10.0.0.2) 22345678", "b (10.0.0.2) 32345678"]
    assert found["b (10.0.0.2) 32345678"] is nodes[2]


@pytest.mark.parametrize(
    ("there", "ahead"),
    [(100.5, 0.0), (100.0, 0.0), (101.0, 0.0), (104.0, 3.0), (90.0, -10.0)],
)
def test_a_clock_is_ahead_by_what_the_way_cannot_explain(there, ahead):
    assert Reading(before=100.0, there=there, after=101.0).ahead == ahead


def test_the_quickest_reading_counts():
    slow = Reading(before=0.0, there=50.0, after=9.0)
    quick = Reading(before=10.0, there=10.1, after=10.2)
    assert closest([slow, quick]) is quick
