"""Addresses: thin functions between HTTP and the verbs of the studio."""
