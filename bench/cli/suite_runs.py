"""A suite's runs and their records, for the commands that only read them.

Keys are made from the suite's data and weights where these are there as runs use them; else from
what the store's records say of both. Nothing is written, downloaded or converted.
"""

import gc
from collections.abc import Sequence
from dataclasses import replace

from noisyseg.annotation_files.document import collector_paused
from noisyseg.bench.cli.arguments import DEFAULT_OUT
from noisyseg.bench.cli.output import say
from noisyseg.bench.cli.suite_choice import SuiteChoice, part_of, whole_suite
from noisyseg.bench.config.suite import Part, SeedPair, Suite
from noisyseg.bench.runs.grid import foresee
from noisyseg.bench.runs.inputs import found_data, parse_noise
from noisyseg.bench.runs.left_out import left_out
from noisyseg.bench.runs.recorded_runs import Content, Recorded, recorded, runs_of
from noisyseg.bench.runs.run import Run
from noisyseg.bench.runs.suite_note import SuiteNote, cell_of, keys_of, read_note
from noisyseg.errors import InputError
from noisyseg.methods.registry import is_known
from noisyseg.number_text import folded
from noisyseg.results.records.record import Record
from noisyseg.results.records.store import RunStore, is_stopped


def foreseen(choice: SuiteChoice) -> tuple[Suite, list[Run], RunStore]:
    """A suite, its runs, done or not, and the store that they lie in; says what is left out.

    All seeds count that the store has of the suite, unless some are named.

    Raises:
        InputError: no such store, an unusable suite, data or noise, or records of several versions
            of the data, of which none was chosen.
    """
    whole, has_weights = _loaded(choice)
    suite = part_of(whole, choice)
    store = _store_for(suite, choice)
    there = recorded(suite, store)
    wide, runs = _all_runs(suite, store, choice, there, has_weights=has_weights)
    for line in (*_narrowed(choice, whole, suite, there), *left_out(runs, store)):
        say(line)
    if not runs and there.unlike:
        say(
            f"left out: all {there.unlike} records that {store.root} has of the suite's data and "
            "methods: their protocol, model, parameters, noise or choice of images is another"
        )
    return wide, runs, store


def chosen_runs(choice: SuiteChoice) -> tuple[Suite, list[Run], RunStore]:
    """As `foreseen`, with nothing said: for who names every run that is not as wanted."""
    whole, has_weights = _loaded(choice)
    suite = part_of(whole, choice)
    store = _store_for(suite, choice)
    wide, runs = _all_runs(suite, store, choice, recorded(suite, store), has_weights=has_weights)
    return wide, runs, store


def whole_suite_runs(choice: SuiteChoice, store: RunStore) -> tuple[Suite, list[Run]]:
    """A suite with all seeds that the store has of it, and its runs, whatever was chosen of it.

    Methods that it does not name are there if they were chosen, or ran before.

    Raises:
        InputError: as `foreseen`.
    """
    whole, has_weights = _loaded(choice)
    note = read_note(whole, store)
    ran = [] if note is None else [method for method, *_ in keys_of(note)]
    names = dict.fromkeys([*whole.methods, *(choice.methods or ()), *ran])
    methods = [name for name in names if name in whole.methods or is_known(name)]
    choice = replace(
        choice, methods=methods, noise=None, seeds=None, noise_seeds=None, train_seeds=None
    )
    suite = replace(part_of(whole, choice), part=Part())
    there = recorded(suite, store)
    return _all_runs(suite, store, choice, there, has_weights=has_weights)


def _all_runs(
    suite: Suite, store: RunStore, choice: SuiteChoice, there: Recorded, *, has_weights: bool
) -> tuple[Suite, list[Run]]:
    """The suite with every seed that counts, and its runs: own, noted and recorded ones."""
    note = read_note(suite, store)
    cells = {} if note is None else keys_of(note)
    seeds = list(suite.seeds)
    if not choice.has_seeds:
        noted = {SeedPair(train if noise is None else noise, train) for *_, noise, train in cells}
        seeds += sorted({*there.seeds, *noted} - {*seeds})
    wide = replace(suite, seeds=seeds)
    runs = _runs(wide, store, choice, there, note, has_weights=has_weights)
    own = {*suite.seeds, *((None, pair.train) for pair in suite.seeds)}
    runs = [
        run for run in runs if run.seeds in own or run.key in there.runs or cell_of(run) in cells
    ]
    return wide, runs


def _store_for(suite: Suite, choice: SuiteChoice) -> RunStore:
    """The store that is named. None need be there yet to see the paper's numbers."""
    store = RunStore(choice.out)
    if suite.published is not None and choice.out == DEFAULT_OUT and not choice.out.exists():
        say(f"no run is done: there is no store {choice.out} here")
    else:
        store.check_there()
    return store


def known_records(runs: Sequence[Run], store: RunStore) -> dict[str, Record]:
    """Every record that holds, of failed runs too; what is wrong with another is said.

    One that was only stopped has not ended: it waits, as those do that have no record.
    """
    records = {}
    with collector_paused():
        for entry in {entry.key: entry for entry in runs}.values():
            record, problem = store.peek(entry.spec, entry.key)
            if problem:
                say(problem)
            if record is not None and not is_stopped(record):
                records[entry.key] = record
        gc.freeze()  # they stay to the end: not to be looked through again and again
    return records


def methods_there(choice: SuiteChoice) -> list[str]:
    """Labels of the suite's methods, and names of others that the store has of its protocol.

    Raises:
        InputError: an unusable suite.
    """
    suite = part_of(_loaded(choice)[0], choice)
    return [*suite.methods, *recorded(suite, RunStore(choice.out)).others]


def _loaded(choice: SuiteChoice) -> tuple[Suite, bool]:
    """The whole suite, and whether the weights that it starts from are there."""
    try:
        return whole_suite(choice, random_weights=False, download=False), True
    except InputError:
        return whole_suite(choice, random_weights=True, download=False), False


def _runs(
    suite: Suite,
    store: RunStore,
    choice: SuiteChoice,
    there: Recorded,
    note: SuiteNote | None,
    *,
    has_weights: bool,
) -> list[Run]:
    """The runs, by the data if they are there and nothing else is asked for, else by the records.

    None without either: no key can be known.
    """
    if has_weights and choice.content is None:
        data = found_data(suite, store)
        if data is not None:
            runs = foresee(suite, store, data, parse_noise(suite, data.classes))
            if note is not None:
                _say_other_keys(runs, note)
            return runs
    content = _content(there, note, choice.content, suite)
    return [] if content is None else runs_of(content, suite, store)


def _say_other_keys(runs: Sequence[Run], note: SuiteNote) -> None:
    keys = keys_of(note)
    others = sum(keys.get(cell_of(run), run.key) != run.key for run in runs)
    if others:
        say(
            f"{others} of the suite's runs are others than the last `noisyseg run` noted in the "
            "store: the data, the weights or noisyseg have changed since. What is here now counts."
        )


def _content(
    there: Recorded, note: SuiteNote | None, wanted: str | None, suite: Suite
) -> Content | None:
    """What the runs that are meant are of; None where the store has none.

    Raises:
        InputError: several fit, or none does that is asked for.
    """
    known = [content for content, _ in there.contents]
    if wanted is not None:
        fitting = [content for content in known if content.digest.startswith(wanted)]
    elif note is not None and note["content"] in {content.digest for content in known}:
        fitting = [content for content in known if content.digest == note["content"]]
    else:
        fitting = [content for content in known if content.current] or known
    found = "".join(f"\n  {_described(*entry)}" for entry in there.contents)
    if wanted is not None and not fitting:
        raise InputError(
            f"--content {wanted}: wanted how the checksum of one of these begins."
            f"{found or ' The store has none.'}"
        )
    if len(fitting) > 1:
        raise InputError(
            f"{suite.name}: the store has runs of {len(known)} versions of its data or weights, "
            f"and which are meant must be said: --content and how its checksum begins.{found}"
        )
    if fitting and not fitting[0].current:
        say("the records are of another version of training or evaluation than this noisyseg's")
    return fitting[0] if fitting else None


def _described(content: Content, count: int) -> str:
    data = content.common["data"]
    sums = ", ".join(f"{part} {str(data.get(f'{part}_sha256'))[:8]}" for part in ("train", "eval"))
    weights = content.common["model"].get("weights_sha256")
    end = "" if weights is None else f", weights {weights[:8]}"
    return f"{content.digest}: {count} records of {data['name']}, annotations {sums}{end}"


def _narrowed(choice: SuiteChoice, whole: Suite, suite: Suite, there: Recorded) -> list[str]:
    """What the command line leaves out of the suite and of the store's records of it."""
    others = list(there.others)
    parts = []
    if choice.methods is not None:
        unchosen = [label for label in whole.methods if label not in suite.methods]
        parts.append(("--methods", list(dict.fromkeys([*unchosen, *others]))))
    parts.append(("--noise", [label for label in whole.noise if label not in suite.noise]))
    seeds = [pair for pair in there.seeds if choice.has_seeds and pair not in suite.seeds]
    option = "--seeds" if choice.seeds else "--noise-seeds, --train-seeds"
    same = folded([pair.train for pair in seeds if pair.noise == pair.train])
    two = [pair.label for pair in seeds if pair.noise != pair.train]
    parts.append((option, [f"seed {seed}" for seed in (*same, *two)]))
    lines = [f"left out by {option}: {', '.join(names)}" for option, names in parts if names]
    if choice.methods is None and others:
        lines.append(
            f"left out: {', '.join(others)}, which the store has, too: --methods names them"
        )
    return lines
