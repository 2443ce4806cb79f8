"""What is told of a suite: tables and figures of its runs."""
