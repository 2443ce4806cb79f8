import os
import signal
import threading

import pytest

from noisyseg.bench.runs.stop_signal import asked_to_stop, is_stop_asked, stop_signals


@pytest.mark.parametrize(
    ("number", "fault"), [(signal.SIGTERM, "preempted"), (signal.SIGINT, "interrupted")]
)
def test_a_signal_is_a_wish_while_a_run_goes_on_and_what_it_was_afterwards(number, fault):
    before = signal.getsignal(number)
    with stop_signals():
        assert not is_stop_asked()
        os.kill(os.getpid(), number)
        assert is_stop_asked()
        assert asked_to_stop() == fault
    assert signal.getsignal(number) == before
    with stop_signals():
        assert not is_stop_asked()


def test_outside_the_main_thread_nothing_changes():
    handlers = []

    def work():
        with stop_signals():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGTERM)]
