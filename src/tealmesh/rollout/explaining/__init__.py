"""Why a deployment is where it is, in words: `explain`, pure.

`situation` says of each state what is done, why, what comes next and when at the latest; `steps`
tells what each step found, and how it went on; `explanation` puts both together.
"""

from tealmesh.rollout.explaining.explanation import explain

__all__ = ["explain"]
