"""Writes a mesh as Terraform's configuration, or as the AWS CLI takes it."""
