# A mesh with a gateway and one service in blue and green, from the modules. On `teal up`:
#
#   teal up -d --config teal.toml
#   teal env --terraform 3 --alias mesh > teal_override.tf
#   terraform init && terraform apply
#
# `source` decides who owns the weights of the service: Terraform by bluegreen-service (change `blue`
# and `green`), `teal deploy` by bluegreen-service-rollouts. The addresses are the same.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 3.39"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

# App Mesh's API is the control plane's, which has keys of its own: terraform/README.md.
provider "aws" {
  alias  = "mesh"
  region = "us-east-1"
}

resource "aws_vpc" "this" {
  count                = var.network == null ? 1 : 0
  cidr_block           = "10.0.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true
}

resource "aws_subnet" "this" {
  count      = var.network == null ? 1 : 0
  vpc_id     = aws_vpc.this[0].id
  cidr_block = "10.0.1.0/24"
}

locals {
  vpc_id  = var.network == null ? aws_vpc.this[0].id : var.network.vpc_id
  subnets = var.network == null ? aws_subnet.this[*].id : var.network.subnets
}

resource "aws_security_group" "this" {
  name   = "shop"
  vpc_id = local.vpc_id
}

resource "aws_ecs_cluster" "this" {
  name = "shop"
}

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "execution" {
  name               = "shop-execution"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

module "mesh" {
  source    = "../../modules/mesh"
  providers = { aws = aws, aws.mesh = aws.mesh }

  name                = "shop"
  vpc_id              = local.vpc_id
  cluster             = aws_ecs_cluster.this.name
  subnets             = local.subnets
  security_groups     = [aws_security_group.this.id]
  execution_role_arn  = aws_iam_role.execution.arn
  envoy_image         = var.envoy_image
  xds_endpoint        = var.xds_endpoint
  xds_ca              = var.xds_ca
  agent               = var.agent
  gateway_count       = 1
  gateway_port        = var.gateway_port
  gateway_routes      = { "/" = module.web.hostname }
  gateway_environment = merge(var.envoy_environment, var.gateway_environment)

  load_balancer = !var.load_balancer ? null : { subnets = local.subnets, internal = true, port = 80 }
}

module "web" {
  source    = "../../modules/bluegreen-service"
  providers = { aws = aws, aws.mesh = aws.mesh }

  name               = "web"
  mesh_name          = module.mesh.name
  cluster            = aws_ecs_cluster.this.name
  namespace          = module.mesh.namespace
  subnets            = local.subnets
  security_groups    = [aws_security_group.this.id]
  execution_role_arn = aws_iam_role.execution.arn
  envoy_image        = var.envoy_image
  xds_endpoint       = var.xds_endpoint
  xds_ca             = var.xds_ca
  agent              = var.agent
  envoy_environment  = var.envoy_environment
  port               = 8080
  desired_count      = 1
  blue               = var.blue
  green              = var.green
}
