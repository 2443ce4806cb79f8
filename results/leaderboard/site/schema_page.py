"""The page that says how boards are read and what the exported files hold."""

from noisyseg.results.leaderboard.entry import LEAST_SEEDS, LOGGED
from noisyseg.results.leaderboard.site.templates import filled
from noisyseg.results.leaderboard.standings import EXACT
from noisyseg.results.records.metrics import METRICS
from noisyseg.results.statistics.fates import FATES

FIELDS = {
    "format": "version of the file's schema: 1",
    "id": "permanent name of an entry: method, suite, the first 8 hex digits of its bundle's hash",
    "kind": "verified, imported or reported",
    "card": "what the submitter says of the method; only that it is text was checked",
    "date": "when its newest run ended; of a reported one, when the paper appeared",
    "bundle": "SHA-256 and bytes of the archive that the entry was made from",
    "data, model, family, protocol": "what was trained and evaluated on what, and how",
    "method": "name, version, parameters; SHA-256 of the file of a method that does not ship",
    "versions": "of training, evaluation and noisyseg",
    "settings": "noise setting → its noise, rate, number of evaluation images, and runs",
    "runs": "key, noise_seed, train_seed, finished, metrics, per_class, checksums (SHA-256)",
    "reported": "noise setting → metric → number, of a reported entry",
    "checks": "how many checks hold; what was remarked, not checked, or only claimed",
    "ground": "what boards have in common, as their addresses name it",
    "setting, noise, rate": "a board's noise: label, steps without seed, share of labels changed",
    "images": "how many evaluation images there are",
    "comparisons": "of how many pairs the tests were corrected for",
    "noise_floor": "sd of ce over seeds, and of how many runs",
    "place": "ranked, provisional, imported or reported",
    "rank, rank_low, rank_high": "rank among the ranked, and its 95 % interval",
    "groups": "in JSON 0 the first group, 1 the next, …; in CSV letters, A the first",
    "n, mean, sd": "of a metric over an entry's runs",
    "low, high": "the 95 % interval of the mean, of mask AP",
}
"""Field → what it is, as the exported files have it."""


_LOGGED = {name: f"{FATES[name]}: of the run's log, which nobody can recompute" for name in LOGGED}


def schema_page(*, date: str) -> bytes:
    """The page.

    Args:
        date: of the newest entry of the site.
    """
    return filled(
        "schema.html.j2",
        root="",
        date=date,
        least=LEAST_SEEDS,
        exact=EXACT,
        fields=FIELDS,
        metrics=METRICS | _LOGGED,
    )
