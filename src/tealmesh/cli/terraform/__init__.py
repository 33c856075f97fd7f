"""`teal deploy --terraform`: the steps of a deployment by `terraform apply` (design note 056).

`variables` and `plans` are pure; `running` runs Terraform; `driving` does what the control plane
asks for, beside what is shown.
"""
