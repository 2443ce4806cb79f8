"""Runs told to TensorBoard and MLflow, from what they leave in the store."""
