"""Tables as text, for notebooks: a door to `results/tables/formats.py`."""

from noisyseg.results.tables.formats import ENDINGS, MISSING, cell_text, render
from noisyseg.results.tables.shown_table import Table, table_of

__all__ = ["ENDINGS", "MISSING", "Table", "cell_text", "render", "table_of"]
