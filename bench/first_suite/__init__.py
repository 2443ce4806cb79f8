"""From a folder of somebody's data to a suite file that runs on it."""
