from types import SimpleNamespace

from noisyseg.bench.cluster.run_tasks import RunTasks


class Ray:
    """Tasks that have been begun, in order; the test says which has ended."""

    def __init__(self):
        self.begun, self.over = [], []

    def begin(self, part):
        def call(run):
            self.begun.append((part, run))
            return part, run

        return call

    def wait(self, references, *, num_returns, timeout):
        ended = [reference for reference in references if reference in self.over][:num_returns]
        return ended, [reference for reference in references if reference not in ended]


def tasks_of(ray, most):
    connected = SimpleNamespace(wait=ray.wait)
    train, evaluate = ray.begin("train"), ray.begin("evaluate")
    return RunTasks(connected, train=train, evaluate=evaluate, most=most)


def test_evaluations_begin_as_others_end_and_all_are_waited_for():
    ray = Ray()
    tasks = tasks_of(ray, most=1)
    for run in "abc":
        tasks.train(run)
    assert tasks.ended() == []
    ray.over = [("train", "a"), ("train", "b")]
    for _ in range(2):
        ((_, run),) = tasks.ended()
        tasks.evaluate(run)
    assert ray.begun[3:] == [("evaluate", "a")]
    # Those that may be under way come first: a display looks at no others.
    assert tasks.waiting() == ["a", "c", "b"]
    ray.over = [("evaluate", "a")]
    assert tasks.ended() == [(("evaluate", "a"), "a")]
    assert ray.begun[4:] == [("evaluate", "b")]
    ray.over = [("evaluate", "b"), ("train", "c")]
    assert [tasks.ended()[0][1], tasks.ended()[0][1]] == ["b", "c"]
    assert tasks.waiting() == []
