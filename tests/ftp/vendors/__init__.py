"""Servers that can't be installed for a test, as their transcripts show them: what they say, and how they list."""
