"""A plan's hours, energy and disk, in words."""

from collections.abc import Mapping

from noisyseg.bench.reporting.plan import Plan
from noisyseg.bench.runs.estimate import Measured, readable_bytes


def cost_lines(plan: Plan) -> list[str]:
    """What the runs that are left take; a line for each kind of what is known."""
    lines = (_hours_line(plan), _devices_line(plan), _disk_line(plan.disk_bytes))
    return [line for line in lines if line is not None]


def _hours_line(plan: Plan) -> str:
    pace = plan.pace
    if pace is None:
        return (
            "GPU hours: unknown; give --seconds-per-iteration, or rehearse on the GPU first "
            "(run SUITE --rehearse)"
        )
    if plan.hours is None:
        return "GPU hours: unknown, for the number of images is"
    what = "hours, on a CPU" if pace.device == "cpu" else "GPU hours"
    evaluation = "" if pace.per_image is not None else "; evaluation is not counted"
    least, most = (f"{bound:.1f}" for bound in plan.hours_between or (0.0, 0.0))
    between = "" if least == most else f", from {least} to {most}"
    return (
        f"{what} left: {plan.hours:.1f}{between} ({pace.step:.3f} s an iteration, "
        f"{pace.source}{evaluation})"
    )


def _devices_line(plan: Plan) -> str | None:
    """What the runs left hold and use, as finished ones did; None if those do not tell."""
    pace = plan.pace
    if pace is None or not plan.hours:
        return None
    found = (
        (plan.total("device_hours"), "GPU hours held", pace.device_hours),
        (plan.total("kilowatt_hours"), "kWh", pace.kilowatt_hours),
    )
    parts = [
        f"{_short(total)} {what} ({_each(runs)})"
        for total, what, runs in found
        if total is not None and runs is not None
    ]
    return f"cost left: {', '.join(parts)}" if parts else None


def _each(measured: Measured) -> str:
    """0.31 each, as in 1 finished run; or 0.31 each, 0.30 to 0.33 in 12 finished runs."""
    least, middle, most = map(_short, measured[1:])
    if measured.runs == 1:
        return f"{middle} each, as in 1 finished run"
    return f"{middle} each, {least} to {most} in {measured.runs} finished runs"


def _short(value: float) -> str:
    """Two digits after the point, or as many as it takes to tell a small value from 0."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _disk_line(disk: Mapping[str, int] | None) -> str:
    if disk is None:
        return "disk: unknown"
    parts = ", ".join(f"{name} {readable_bytes(count)}" for name, count in disk.items())
    return f"disk: about {readable_bytes(sum(disk.values()))} ({parts})"
