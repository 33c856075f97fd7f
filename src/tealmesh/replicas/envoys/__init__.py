"""What each replica publishes of its Envoys, so that every one knows how far a whole mesh is.

A replica has one row a mesh: the roster, written when Envoys come and go, and how far they are,
written when that changes. Most Envoys of a mesh run with its newest revision most of the time, so
the second names only those that do not.
"""
