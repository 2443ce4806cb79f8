"""The commands of `methods`."""
