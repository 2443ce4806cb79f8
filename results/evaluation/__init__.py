"""From predictions and annotations to numbers."""
