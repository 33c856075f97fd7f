"""What a load balancer does, by real requests through a real Envoy of a real control plane."""
