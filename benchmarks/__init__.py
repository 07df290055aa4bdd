"""Measuring nexevo against its peers: `python -m benchmarks.run`. `README.md` says what the figures mean."""
