"""Meshes, specifications and systems as data; nothing here runs.

- `builder`: snapshots put together by hand, for the translation.
- `specs`: valid specifications generated from botocore's model; `broken` breaks one rule of them.
- `shapes`: values of any botocore shape, for Hypothesis.
- `article`: the system of App Mesh users, as API calls.
"""
