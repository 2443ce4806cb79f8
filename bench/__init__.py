"""What joins the rooms: suites, runs, data sets, Ray, and the command line."""
