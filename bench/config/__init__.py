"""What a suite says: its data, model, protocol, methods and noise."""
