"""Numbers as people read them, the same in tables, figures and pages."""

from collections.abc import Sequence

MINUS = "\N{MINUS SIGN}"


def decimal(value: float, digits: int = 1, *, sign: bool = False) -> str:
    """A number with so many decimals and a true minus sign; what rounds to zero has no minus.

    Args:
        value: finite, or NaN.
        digits: decimals.
        sign: whether a plus stands before what is not negative.
    """
    text = f"{value:{'+' if sign else ''}.{digits}f}"
    if float(text) == 0:
        return text.replace("-", "+" if sign else "")
    return text.replace("-", MINUS)


def folded(numbers: Sequence[int]) -> list[str]:
    """Sorted numbers as texts, three and more that follow one another as one: 0–4, 7."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    return [
        text
        for found in ranges
        for text in (
            [f"{found[0]}–{found[-1]}"] if len(found) > 2 else [str(number) for number in found]
        )
    ]
