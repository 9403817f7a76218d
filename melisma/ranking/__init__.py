"""Ranking: which of several takes is best, and why, in words."""
