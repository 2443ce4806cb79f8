"""What the project's pages show: fenced blocks, the commands in them, and how they are run."""
