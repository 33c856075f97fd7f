"""The parts of a control plane. Which ones are put together is told in `together`."""
