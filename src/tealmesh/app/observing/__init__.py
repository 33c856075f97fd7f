"""What operators see of a control plane: readiness, its own metrics, logs and traces of writes."""
