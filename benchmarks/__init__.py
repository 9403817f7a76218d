"""Measurements of speed, memory and quality. Each prints its figures with their circumstances."""
