# The control plane: two replicas that share a PostgreSQL, behind a network load balancer, found by
# Envoys as teal.control.local. Make the secret first (docs/serve.md); what it then says of itself is
# what examples/shop needs:
#
#   terraform init && terraform apply -var secrets_arn=… -var database_url=…

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

resource "aws_vpc" "this" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true
}

resource "aws_subnet" "this" {
  for_each          = { a = "10.0.1.0/24", b = "10.0.2.0/24" }
  vpc_id            = aws_vpc.this.id
  cidr_block        = each.value
  availability_zone = "us-east-1${each.key}"
}

resource "aws_ecs_cluster" "this" {
  name = "control"
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  name = "control.local"
  vpc  = aws_vpc.this.id
}

module "control_plane" {
  source = "../../modules/control-plane"

  name                         = "teal"
  image                        = var.image
  cluster                      = aws_ecs_cluster.this.name
  clusters                     = var.clusters
  vpc_id                       = aws_vpc.this.id
  subnets                      = [for subnet in aws_subnet.this : subnet.id]
  client_cidr_blocks           = [aws_vpc.this.cidr_block]
  secrets_arn                  = var.secrets_arn
  database_url                 = var.database_url
  database_password_secret_arn = var.database_password_secret_arn
  load_balancer                = { subnets = [for subnet in aws_subnet.this : subnet.id] }
  discovery                    = { id = aws_service_discovery_private_dns_namespace.this.id, name = aws_service_discovery_private_dns_namespace.this.name }
  deletion_protection          = var.deletion_protection
  environment                  = var.environment
  wait_for_steady_state        = var.wait_for_steady_state
}

output "xds_endpoint" {
  description = "Where Envoys find it: xds_endpoint of examples/shop."
  value       = "${module.control_plane.discovered_name}:8444"
}

output "load_balancer" {
  description = "What a record of yours leads to; API at 8443."
  value       = module.control_plane.load_balancer_dns_name
}

output "network" {
  description = "vpc_id and subnets of examples/shop."
  value       = { vpc_id = aws_vpc.this.id, subnets = [for subnet in aws_subnet.this : subnet.id] }
}
