"""What runs in an ECS elsewhere, AWS's or a `teal up`'s, copied into the store.

The copies are in the collections in which an ECS of our own would keep the same, so deployments,
`teal status`, the page and convergence read one thing wherever tasks run. Design note 049.
"""
