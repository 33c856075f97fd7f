"""`teal terraform moved`: the blocks by which Terraform takes resources of one's own into a module
(design note 058).

`state`, `facts`, `arguments`, `mapping` and `blocks` are pure, in this order; `asking` reads what
they work on.
"""
