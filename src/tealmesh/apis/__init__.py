"""The AWS APIs that Tealmesh implements itself, and its own: one package each.

A service is a class with one method per operation, named as in boto3 (``create_mesh``) and called
with the caller and a request that `aws.gateway` has parsed and validated against botocore's model.
It returns the operation's output structure, with times in epoch seconds, or raises AwsError. State
is in the store: each change, with all its checks, is one transaction.

No HTTP here, no signatures and no wire formats: those are `aws`'s. The packages know nothing of one
another (import-linter sees to it); what they share of paging and requests is in `paging` and
`requests`. Begin with the ``api`` module of one.
"""
