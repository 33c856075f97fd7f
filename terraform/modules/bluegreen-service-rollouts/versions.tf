# Made from bluegreen-service by make_rollouts.py: change it there.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 3.39"
      # Of App Mesh's API, which is the control plane's: it knows keys of its own, not AWS's.
      configuration_aliases = [aws.mesh]
    }
  }
}
