"""What can be wrong with a machine or a cluster before anything trains on it."""
