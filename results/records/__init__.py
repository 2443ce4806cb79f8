"""Records of runs, and the store that they lie in."""
