"""Where Ray's own pages are."""

from typing import Any


def dashboard_line(context: Any) -> str | None:
    """The line that says it; None where Ray runs without a dashboard, as a private one does.

    Args:
        context: what `ray.init` returned, of this machine's Ray, a cluster's or a client's.
    """
    address = getattr(context, "dashboard_url", None)
    if not address:
        return None
    return f"Ray's dashboard: {address if '://' in address else f'http://{address}'}"
