"""The commands of `data`."""
