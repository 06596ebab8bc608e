"""Decorators, iterators and small helpers that existing programs import from ``common``."""
