"""Tables as text, for notebooks: a door to `results/tables/formats.py`."""

from noisyseg.results.tables.formats import ENDINGS, MISSING, Table, cell_text, render, table_of

__all__ = ["ENDINGS", "MISSING", "Table", "cell_text", "render", "table_of"]
