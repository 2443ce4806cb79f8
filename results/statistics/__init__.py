"""Intervals, paired comparisons and derived numbers."""
