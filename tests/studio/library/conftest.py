"""A library for each test."""

from shelf import empty_database, shelf

__all__ = ["empty_database", "shelf"]
