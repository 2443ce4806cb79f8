"""The formats of data sets, one in a file; `registry.py` lists them."""
