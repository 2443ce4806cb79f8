"""What a family of types does to the annotations of a file."""
