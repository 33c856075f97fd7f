terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 3.39"
    }
  }
}

# Any local cloud needs these settings, with its own endpoints. On AWS, keep only the region.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  max_retries                 = 2

  endpoints {
    appmesh          = var.endpoint
    cloudwatchlogs   = var.endpoint
    ec2              = var.endpoint
    ecs              = var.endpoint
    iam              = var.endpoint
    route53          = var.endpoint
    servicediscovery = var.endpoint
    sts              = var.endpoint
  }
}
