"""Envoys at the control plane: the server that they connect to, and who is let in to what."""
