"""Where a control plane listens, how it logs, and the lease that it works under."""
