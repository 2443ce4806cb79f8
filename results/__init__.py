"""Predictions -> metrics -> records -> tables."""
