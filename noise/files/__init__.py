"""Noisy annotation files: read, rewritten digit by digit, told in a manifest, verified."""
