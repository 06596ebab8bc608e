"""Benchmarks: this library beside its peers, in one run on one machine.

``python -m benchmarks run`` runs all of them, ``python -m benchmarks run smtp`` one, and the exit status is 0 if every
target was reached; ``python -m benchmarks table FILE`` puts the results of a run into the documentation, as tables and
as a picture. A run of all of them, in full, does that by itself.

How this works: every measurement is taken in a process of its own, started afresh for it; its peer is another process,
the same for all contestants. Contestants take turns, A B A B, after a round that is not counted, and a target is held
against the median of the ratios within each round. ``programs`` holds what runs in those processes; the modules beside
it start them, one benchmark each, and hold the targets.
"""
