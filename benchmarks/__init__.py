"""Benchmarks: this library beside its peers, in one run on one machine.

``python -m benchmarks`` runs all of them, ``python -m benchmarks smtp --json FILE`` one. Only ratios within one run
mean anything elsewhere, and no benchmark passes or fails: each target is printed beside what was reached.

How this works: every contestant runs in a process of its own, started afresh for each turn, against a peer in another
process; contestants take turns, A B A B, after a warm-up round that is not counted. ``programs`` holds what runs in
those processes; the modules beside it start them, one benchmark each.
"""
