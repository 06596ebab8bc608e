"""Mirrors: one side is made like the other, by a plan that can be read, kept and applied."""
