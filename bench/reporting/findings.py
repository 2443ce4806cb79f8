"""What a suite's runs found of its methods: who is ahead where, of whom, by how much, and who ties.

Two methods are told apart by `results.statistics.differences`, at 5 % over all pairs of a setting:
so the method with the highest mean may be chosen after the fact. A tie says that these seeds do
not tell two apart, not that they are equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from noisyseg.bench.reporting.setting_power import SettingPower
from noisyseg.results.statistics.differences import Difference
from noisyseg.results.tables.shown_table import Table

_NAMED = 4  # methods in a sentence


@dataclass(kw_only=True, slots=True, frozen=True)
class Lead:
    """The method with the highest mean at a noise setting, and the others.

    Attributes:
        noise: the setting's label.
        leader: the method.
        mean: its number.
        beaten: the methods that it is ahead of, with its difference to each and the half of the
            95 % interval; the smallest first.
        tied: those that it is not ahead of, the highest mean first.
        untested: those that share no two seeds with it.
        silence: why nothing is known of how methods differ; empty where something is.
    """

    noise: str
    leader: str
    mean: float
    beaten: Mapping[str, tuple[float, float]]
    tied: Sequence[str]
    untested: Sequence[str]
    silence: str

    @property
    def others(self) -> int:
        """How many other methods have a number."""
        return len(self.beaten) + len(self.tied) + len(self.untested)

    @property
    def alone(self) -> bool:
        """Whether it is ahead of all others."""
        return len(self.beaten) == self.others > 0


def leads(table: Table, power: Sequence[SettingPower]) -> list[Lead]:
    """Of each noise setting with two methods or more.

    Args:
        table: of a metric of which more is better.
        power: what the seeds of the same numbers can tell.
    """
    means: dict[str, dict[str, float]] = {}
    for row in table.cells.to_dict(orient="records"):
        if row["n"]:
            means.setdefault(row["noise"], {})[row["method"]] = row["mean"]
    return [
        _lead(setting, means[setting.noise])
        for setting in power
        if len(means.get(setting.noise, ())) > 1
    ]


def _lead(setting: SettingPower, means: Mapping[str, float]) -> Lead:
    leader, *others = sorted(means, key=lambda method: -means[method])
    pairs = {
        frozenset((pair.one, pair.other)): pair
        for pair in setting.differences.known
        if leader in (pair.one, pair.other)
    }
    found = {
        method: pair
        for method in others
        if (pair := pairs.get(frozenset((leader, method)))) is not None
    }
    # At the seeds that two share the leader may be behind: of others it has had more luck.
    gaps = {method: (_gap(pair, leader), pair.half) for method, pair in found.items()}
    beaten = {method: gap for method, gap in gaps.items() if gap[0] > gap[1]}
    return Lead(
        noise=setting.noise,
        leader=leader,
        mean=means[leader],
        beaten=dict(sorted(beaten.items(), key=lambda entry: entry[1][0])),
        tied=[method for method in found if method not in beaten],
        untested=[method for method in others if method not in found],
        silence=setting.silence,
    )


def _gap(pair: Difference, leader: str) -> float:
    return pair.mean if pair.one == leader else -pair.mean


def headline(found: Sequence[Lead], unit: str) -> str:
    """What was found, in a few sentences.

    Args:
        found: of each noise setting.
        unit: what differences are of, such as "mask AP".
    """
    alone = [lead for lead in found if lead.alone]
    part = [lead for lead in found if lead.beaten and not lead.alone]
    none = [lead for lead in found if not lead.beaten and not lead.silence]
    silent = [lead for lead in found if lead.silence]
    sentences = [
        _ahead([lead for lead in alone if lead.leader == leader], unit)
        for leader in dict.fromkeys(lead.leader for lead in alone)
    ]
    sentences += [
        _ahead_of_some([lead for lead in part if lead.leader == leader])
        for leader in dict.fromkeys(lead.leader for lead in part)
    ]
    sentences += _told_from_none(none)
    for reason in dict.fromkeys(lead.silence for lead in silent):
        where = _listed([lead.noise for lead in silent if lead.silence == reason])
        sentences.append(f"Which method is better at {where}: {reason}.")
    return " ".join(sentences)


def _told_from_none(found: Sequence[Lead]) -> list[str]:
    if not found:
        return []
    where = _listed([lead.noise for lead in found])
    highest = _listed([f"{lead.leader} ({lead.mean:.1f})" for lead in found])
    means = "the highest means are those" if len(found) > 1 else "the highest mean is that"
    return [
        f"At {where} these seeds tell no method from the one with the highest mean: {means} of "
        f"{highest}."
    ]


def _ahead(found: Sequence[Lead], unit: str) -> str:
    """Of one method, at the settings where it is ahead of all."""
    where = _listed([lead.noise for lead in found])
    others = [lead.others for lead in found]
    whom = next(iter(found[0].beaten))
    if max(others) > 1:
        whom = f"all {_range(others)} other methods"
    gaps = [min(gap for gap, _ in lead.beaten.values()) for lead in found]
    if len(gaps) == 1:
        gap, half = min(found[0].beaten.values())
        by = f"{gap:.1f} ± {half:.1f}"
    else:
        by = f"{min(gaps):.1f} to {max(gaps):.1f}"
    next_one = " of the next" if max(others) > 1 else ""
    return f"{found[0].leader} is ahead of {whom} at {where}, by {by} {unit}{next_one}."


def _ahead_of_some(found: Sequence[Lead]) -> str:
    """Of one method, at the settings where it is ahead of some; who ties is told of one alone."""
    lead = found[0]
    if len(found) > 1:
        counts = [len(lead.beaten) for lead in found]
        return (
            f"At {_listed([lead.noise for lead in found])} {lead.leader} has the highest mean and "
            f"is ahead of {_range(counts)} of {_range([lead.others for lead in found])} methods."
        )
    rest = [*lead.tied, *lead.untested]
    more = f" and {len(rest) - _NAMED} more" if len(rest) > _NAMED else ""
    return (
        f"At {lead.noise} {lead.leader} has the highest mean ({lead.mean:.1f}) and is ahead of "
        f"{len(lead.beaten)} of {lead.others} methods, but not of {', '.join(rest[:_NAMED])}{more}."
    )


def lead_rows(found: Sequence[Lead]) -> list[dict[str, str]]:
    """A row for each setting, as the page shows it."""
    return [
        {
            "noise": lead.noise,
            "highest": f"{lead.leader} {lead.mean:.1f}",
            "ahead": _beaten(lead),
            "tied": ", ".join(lead.tied) or "—",
            "untested": ", ".join(lead.untested),
        }
        for lead in found
    ]


def _beaten(lead: Lead) -> str:
    """By how much of each; of many, of the first and the last."""
    told = [f"{name} by {gap:.1f} ± {half:.1f}" for name, (gap, half) in lead.beaten.items()]
    if len(told) > _NAMED + 1:
        told = [*told[:_NAMED], f"{len(told) - _NAMED - 1} more", told[-1]]
    whom = f"{len(lead.beaten)} of {lead.others}"
    return f"{whom}: {', '.join(told)}" if told else f"none of {lead.others}"


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
