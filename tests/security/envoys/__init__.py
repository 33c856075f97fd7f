"""What a stranger tries as an Envoy, or towards one."""
