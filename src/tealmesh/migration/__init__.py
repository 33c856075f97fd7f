"""The way here from App Mesh, and the way out: reads what describes a mesh, and writes it.

`readers` understand Terraform's state, CloudFormation's templates, the Kubernetes controller's
resources, the AWS CLI's JSON, items of AWS Config, and dumps of Envoys. Each makes a `Found` of
it: resources as App Mesh's API has them, and what cannot be kept. Begin with `found.py`, then
`readers.read`.
"""
