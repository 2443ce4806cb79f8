"""What every type of noise must do, tried on a small document."""
