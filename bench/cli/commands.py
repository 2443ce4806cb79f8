"""Every command by its name: a command is a file, and a line here."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        module: below `noisyseg.bench.cli`: has EXAMPLE, Options, add_arguments and run, and is
            imported only if its command is called.
        summary: one line, for lists of commands.
    """

    module: str
    summary: str


@dataclass(frozen=True, slots=True)
class Group:
    """A command that only has commands of its own."""

    summary: str
    example: str
    commands: "dict[str, Entry]"


Entry: TypeAlias = "Command | Group"

COMMANDS: dict[str, Entry] = {
    "run": Command("run", "train what is missing of a suite and print its table"),
    "init": Command("init", "write a suite file for a folder of your own data"),
    "plan": Command(
        "plan", "list a suite's runs, their keys, which are done, and what the others cost"
    ),
    "table": Command("table", "print a suite's table, beside the paper's"),
    "match": Command("match", "hold every number of the paper against the measured interval"),
    "figures": Command(
        "figures",
        "draw a suite's results and what its class losses did with right and with wrong labels",
    ),
    "report": Command(
        "report", "write one HTML page: tables, figures, match with the paper, noise, records"
    ),
    "compare": Command(
        "compare", "compare and rank methods on the same images, by a paired bootstrap"
    ),
    "power": Command(
        "power", "say how well a suite's seeds tell its methods apart, and how many would"
    ),
    "evaluate": Command("evaluate", "compute a run's numbers from its saved predictions once more"),
    "status": Command("status", "list the runs: done, failed, running, waiting"),
    "doctor": Command(
        "doctor", "look for what is wrong with this machine or a cluster, and say what mends it"
    ),
    "completion": Command(
        "completion", "print a script that completes commands and names in a shell"
    ),
    "store": Group(
        "stores of runs",
        "noisyseg store merge runs /mnt/other-machine/runs",
        {
            "merge": Command(
                "store.merge",
                "take another store's runs in: done beats failed, and conflicts are named",
            ),
            "clean": Command(
                "store.clean", "remove the checkpoints of runs that are done, and say what it frees"
            ),
        },
    ),
    "leaderboard": Group(
        "submit, verify and publish results",
        "noisyseg leaderboard card lncis --suite quick --write lncis.yaml",
        {
            "card": Command("leaderboard.card", "make a method's card, to be filled in"),
            "submit": Command(
                "leaderboard.submit", "write a method's runs of a suite into one file, a bundle"
            ),
            "verify": Command(
                "leaderboard.verify",
                "hold a bundle against all that can be computed once more; trusts nothing in it",
            ),
            "reproduce": Command(
                "leaderboard.reproduce",
                "train one run of a bundle again, and compare it within the seeds' spread",
            ),
            "import": Command(
                "leaderboard.import_",
                "evaluate other code's detections on a suite, and write them into a bundle",
            ),
            "build": Command("leaderboard.build", "write the leaderboard's site as files"),
            "serve": Command("leaderboard.serve", "show a built site to this machine alone"),
            "show": Command("leaderboard.show", "print the boards"),
        },
    ),
    "suite": Group(
        "shipped suites and suite files",
        "noisyseg suite list",
        {
            "list": Command("suite.listing", "list the shipped suites"),
            "show": Command("suite.show", "print a shipped suite's file"),
            "validate": Command(
                "suite.validate", "check a suite file and the annotation files that it names"
            ),
        },
    ),
    "methods": Group(
        "training methods",
        "noisyseg methods list",
        {
            "list": Command("methods.listing", "list the methods, built in and installed"),
            "show": Command("methods.show", "a method's parameters, their defaults and its paper"),
            "new": Command("methods.new", "write a file with a method of your own to begin with"),
            "check": Command(
                "methods.check", "try a method on hard batches of RoIs and say what it breaks"
            ),
        },
    ),
    "data": Group(
        "data sets: what is there, conversion, checks, downloads",
        "noisyseg data list --root ~/data",
        {
            "list": Command(
                "data.listing", "say which data sets are ready, and what the others want"
            ),
            "prepare": Command(
                "data.prepare",
                "convert a data set's official files to COCO format (run does it, too, where "
                "needed)",
            ),
            "check": Command("data.check", "look at every file of a data set and say what to mend"),
            "download": Command(
                "data.download",
                "download a data set's official archives and unpack them; goes on where it stopped",
            ),
        },
    ),
    "noise": Group(
        "make noisy annotation files, check and compare them",
        "noisyseg noise list",
        {
            "make": Command("noise.make", "write a noisy annotation file and its manifest"),
            "verify": Command(
                "noise.verify",
                "make the noise again and compare every byte; exit status 1 if anything differs",
            ),
            "apply": Command("noise.apply", "write the noisy file that a manifest is of"),
            "invert": Command(
                "noise.invert", "write the clean file that a noisy one was made from"
            ),
            "diff": Command(
                "noise.diff", "what differs between two annotation files of the same images"
            ),
            "report": Command(
                "noise.report",
                "write one self-contained HTML page on a noisy file, and its figures as PNG",
            ),
            "golden": Command(
                "noise.golden",
                "check that this machine makes the shipped golden noise, byte for byte",
            ),
            "list": Command(
                "noise.listing",
                "list the types of noise with parameters, presets and sources",
            ),
            "new": Command(
                "noise.new", "write a file with a type of noise of your own to begin with"
            ),
            "check": Command(
                "noise.check", "try a type of noise on a small document and say what it breaks"
            ),
        },
    ),
}
