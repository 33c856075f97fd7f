"""What is odd or risky in how services are deployed: `lint`, pure.

`facts` has what is known of a service, from teal.toml alone or from what is live; each rule of
`rules` looks at that. Without a control plane nothing is known of traffic, and the rules about it
have nothing to say.
"""

from tealmesh.model.linting.facts import Finding, Linted, of_config
from tealmesh.model.linting.rules import lint

__all__ = ["Finding", "Linted", "lint", "of_config"]
