"""How the lines of a control plane's log look, in each of its processes."""

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
"""For `logging.basicConfig`."""
