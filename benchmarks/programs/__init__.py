"""What runs in the processes that are measured, and in those of their peers.

A contestant's function imports what it needs and nothing else, so that the idle process is the one that a program
with this library alone would be.
"""
