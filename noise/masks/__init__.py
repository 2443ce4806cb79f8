"""Masks and outlines as mask noise redraws them."""
