"""Label noise: annotations + parameters + seed -> annotations and a manifest. Needs no torch."""
