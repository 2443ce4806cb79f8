"""The commands of `store`."""
