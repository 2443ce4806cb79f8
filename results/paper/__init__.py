"""The paper's published numbers, and their match with measured ones."""
