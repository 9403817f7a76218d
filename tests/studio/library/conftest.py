"""A library for each test."""

from shelf import shelf

__all__ = ["shelf"]
