"""Numbers as people read them, the same in tables, figures and pages."""

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
