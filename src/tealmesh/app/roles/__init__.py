"""Who says what the role of an Envoy may be: its policies, evaluated here or by IAM, or a file."""
