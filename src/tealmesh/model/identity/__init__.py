"""Who calls and who an Envoy is, and by which secrets they prove it.

Each secret has one purpose: `keys` derives them from the data directory's master key. An Envoy
carries a token that names its task and its node (`envoys`), so that what is stolen from one is of
no use as another.
"""
