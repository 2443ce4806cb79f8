"""The commands of `noise`."""
