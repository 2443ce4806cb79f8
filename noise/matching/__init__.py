"""Which image and which object of two files are the same."""
