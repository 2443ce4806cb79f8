"""What every loss to train with must do, tried on small batches."""
