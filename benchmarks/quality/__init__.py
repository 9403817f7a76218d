"""How well a small model keeps to what it is asked, measured without ears: see `python -m benchmarks.quality --help`."""
