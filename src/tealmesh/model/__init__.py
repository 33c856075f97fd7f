"""The nouns of Tealmesh: frozen data, types of stored documents, and the exception tree.

- `mesh`, `certificates`, `convergence`: what Envoys are configured from, and how far they are.
- `config`: teal.toml; `rollout` and `status`: deployments, and how services stand.
- `appmesh`, `cloudmap`, `ecs`, `images`, `teal`: the types of what the store keeps.
- `plane`: where a control plane listens, how it logs, and the lease that it works under.
- `wire`: the structures of Tealmesh's own API.
- `arn`, `identity`, `clock`: small things that every API needs.

Nothing here does input or output, and nothing imports a package above it; time and identifiers are
arguments (`clock`). Start with `errors`, then `mesh`.
"""
