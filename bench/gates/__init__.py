"""What the comparing gate promises, by simulation: ``make bench-gates``.

Streams of requests to an old and a new side (`streams`) go through the gate and through the rules
that other tools use (`rivals`), thousands of releases at once. The gate is a vectorised copy
(`twin`); a test compares it with the code that judges deployments, on random streams. `rows` has
what is simulated and what must come out, ``python -m bench.gates`` runs it.
"""
