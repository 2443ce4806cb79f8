"""How `verify` and `import` end: the verdict told, and an entry made of what is accepted."""

import json
from pathlib import Path

from noisyseg.bench.cli.output import DONE, SOME_FAILED, print_text, say
from noisyseg.bench.leaderboard.entry_making import entry_of, publish
from noisyseg.bench.leaderboard.verdict import headline, verdict_document, verdict_text
from noisyseg.bench.leaderboard.verification import Verified


def conclude(
    verified: Verified,
    bundle: Path,
    published: Path | None,
    *,
    as_json: bool,
    included: bool = True,
) -> int:
    """Tell the verdict, publish if that was asked for; the exit status.

    Args:
        verified: what came of the bundle.
        bundle: its file.
        published: folder to make an entry in; None: none is made.
        as_json: whether the verdict is told as JSON.
        included: whether the bundle lies beside its entry.

    Raises:
        InputError: the entry cannot be made.
    """
    verdict = verified.verdict
    if as_json:
        print_text(json.dumps(verdict_document(verdict), indent=2))
        say(headline(verdict))
    else:
        print_text(verdict_text(verdict))
    if not verdict.accepted:
        return SOME_FAILED
    if published is not None:
        place = publish(verified, bundle, published, entry_of(verified, included=included))
        say(f"entry: {place}")
    return DONE
