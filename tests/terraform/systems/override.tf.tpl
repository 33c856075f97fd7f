# Copied beside a system as tealmesh_override.tf: the only thing that is changed.
# https://developer.hashicorp.com/terraform/language/files/override

provider "aws" {
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_force_path_style         = true
  max_retries                 = 2

  endpoints {
    acm                    = "ENDPOINT"
    applicationautoscaling = "ENDPOINT"
    appmesh                = "ENDPOINT"
    autoscaling            = "ENDPOINT"
    cloudwatch             = "ENDPOINT"
    cloudwatchevents       = "ENDPOINT"
    cloudwatchlogs         = "ENDPOINT"
    ec2                    = "ENDPOINT"
    ecr                    = "ENDPOINT"
    ecs                    = "ENDPOINT"
    elb                    = "ENDPOINT"
    iam                    = "ENDPOINT"
    kms                    = "ENDPOINT"
    route53                = "ENDPOINT"
    s3                     = "ENDPOINT"
    secretsmanager         = "ENDPOINT"
    servicediscovery       = "ENDPOINT"
    sns                    = "ENDPOINT"
    ssm                    = "ENDPOINT"
    sts                    = "ENDPOINT"
  }
}
