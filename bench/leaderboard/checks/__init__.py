"""What the checks of a bundle are: a family a file."""
