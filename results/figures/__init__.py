"""Figures, from numbers alone."""
