"""Callers of this control plane: their keys and roles. Begin with `entrance`."""
