"""What a running deployment adds to routes beside App Mesh's specifications: preview, mirror, A/B,
stickiness (`beside`, `stripping`) and the parts of a service that are watched (`parts`).
"""
