"""Makes bluegreen-service-rollouts from bluegreen-service: ``python make_rollouts.py``.

The two have the same addresses, so that who owns the weights is a change of a module's `source`:
`ignore_changes` cannot depend on a variable. A test compares the files with what this makes.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
MADE = "# Made from bluegreen-service by make_rollouts.py: change it there.\n\n"

CHANGES = {
    "main.tf": [
        (
            """# Terraform owns the weights: the four steps of a release change `blue` and `green`.
# In the module bluegreen-service-rollouts, of the same addresses, `teal deploy` owns them.
""",
            """# `teal deploy` owns weights, images, counts: `blue` and `green` say how it begins,
# and both sides always exist. In bluegreen-service, of the same addresses, Terraform does.
""",
        ),
        (
            "  sides    = { for side, it in local.declared : side => it if it.is_active }\n",
            "  sides    = local.declared\n",
        ),
    ],
    "sides.tf": [
        (
            """    properties     = module.sidecar[each.key].proxy_properties
  }

  lifecycle {
    create_before_destroy = true
  }
""",
            """    properties     = module.sidecar[each.key].proxy_properties
  }

  # A new revision would deregister one that tasks run with: deployments make them.
  lifecycle {
    create_before_destroy = true
    ignore_changes        = all
  }
""",
        ),
        (
            "  desired_count         = var.desired_count\n",
            "  desired_count         = each.value.is_active ? var.desired_count : 0\n",
        ),
        (
            """  depends_on = [aws_iam_role_policy.envoy]

  lifecycle {
    create_before_destroy = true
  }
""",
            """  depends_on = [aws_iam_role_policy.envoy]

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [desired_count, task_definition]
  }
""",
        ),
    ],
    "route.tf": [
        (
            """  lifecycle {
    precondition {
      condition     = length(local.sides) > 0
      error_message = "Both sides are off: set is_active of blue or green."
    }
""",
            """  lifecycle {
    # Of the route only the weights are the deployments'.
    ignore_changes = [
      spec[0].http_route[0].action[0].weighted_target,
      spec[0].http2_route[0].action[0].weighted_target,
      spec[0].grpc_route[0].action[0].weighted_target,
    ]

    precondition {
      condition     = anytrue([for it in local.declared : it.is_active])
      error_message = "Both sides are off: set is_active of blue or green."
    }
""",
        ),
    ],
}


def files() -> dict[str, str]:
    """The files of the module, by name."""
    made = {}
    for source in sorted((HERE / "bluegreen-service").glob("*.tf")):
        text = source.read_text(encoding="utf-8")
        for old, new in CHANGES.get(source.name, ()):
            if text.count(old) != 1:
                raise SystemExit(f"{source}: not there once: {old}")
            text = text.replace(old, new)
        made[source.name] = MADE + text
    return made


if __name__ == "__main__":
    for name, text in files().items():
        (HERE / "bluegreen-service-rollouts" / name).write_text(text, encoding="utf-8")
