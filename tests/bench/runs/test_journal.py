import subprocess
import sys

from noisyseg.bench.runs.journal import NAME, Journal, read_events

WRITER = """
import sys
from pathlib import Path
from noisyseg.bench.runs.journal import Journal
journal = Journal(Path(sys.argv[1]))
for number in range(300):
    journal.tell("begun", key=f"{sys.argv[2]}-{number}", message="x" * 3000)
"""


def test_two_drivers_write_one_story_whose_lines_are_whole(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    events = list(read_events(tmp_path))
    assert len(events) == 600
    for name in "ab":
        own = [event for event in events if event["key"].startswith(name)]
        assert [event["key"] for event in own] == [f"{name}-{number}" for number in range(300)]
    assert len({event["driver"] for event in events}) == 2


def test_unknown_details_are_left_out_and_a_torn_line_is_passed_over(tmp_path):
    Journal(tmp_path).tell("ended", key="k", node=None)
    with (tmp_path / NAME).open("a") as file:
        file.write('{"event": "beg')
    (event,) = read_events(tmp_path)
    assert event.keys() == {"time", "driver", "event", "key"}


def test_a_story_that_cannot_be_written_stops_nothing(tmp_path):
    Journal(tmp_path / "absent").tell("begun")
    assert list(read_events(tmp_path / "absent")) == []
