# Everything by modules, as those of the registry are written: a network, a load balancer with
# lists of listeners and target groups, container definitions, and a service, which is a virtual
# gateway or a virtual node behind it.

terraform {
  required_version = ">= 0.14"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 3.28"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project   = var.name
      Terraform = "true"
    }
  }
}

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "name" {
  type    = string
  default = "portal"
}

variable "image_tag" {
  type    = string
  default = "1.12.3"
}

variable "gateway_count" {
  type    = number
  default = 2
}

locals {
  envoy = "840364872350.dkr.ecr.${var.region}.amazonaws.com/aws-appmesh-envoy:v1.29.6.1-prod"
}

data "aws_caller_identity" "this" {}

module "vpc" {
  source = "./modules/vpc"

  name               = var.name
  cidr               = "10.40.0.0/16"
  azs                = ["${var.region}a", "${var.region}b"]
  private_subnets    = ["10.40.1.0/24", "10.40.2.0/24"]
  public_subnets     = ["10.40.101.0/24", "10.40.102.0/24"]
  enable_nat_gateway = true
  single_nat_gateway = true
}

module "alb" {
  source = "./modules/alb"

  name    = var.name
  vpc_id  = module.vpc.vpc_id
  subnets = module.vpc.public_subnets

  target_groups = [
    {
      name_prefix      = "gw-"
      backend_protocol = "HTTP"
      backend_port     = 8088
      health_check = {
        path     = "/ready"
        port     = 9901
        interval = 6
      }
    },
  ]

  http_tcp_listeners = [
    {
      port               = 80
      protocol           = "HTTP"
      target_group_index = 0
    },
  ]
}

resource "aws_kms_key" "exec" {
  description             = "execute command"
  deletion_window_in_days = 7
}

resource "aws_ecs_cluster" "this" {
  name               = var.name
  capacity_providers = ["FARGATE_SPOT", "FARGATE"]

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = "100"
  }

  dynamic "setting" {
    for_each = { containerInsights = "enabled" }

    content {
      name  = setting.key
      value = setting.value
    }
  }
}

resource "aws_appmesh_mesh" "this" {
  name = var.name

  spec {
    egress_filter {
      type = "ALLOW_ALL"
    }
  }
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  name = "${var.name}.local"
  vpc  = module.vpc.vpc_id
}

module "gateway" {
  source = "./modules/service"

  name             = "gateway"
  cluster          = aws_ecs_cluster.this.arn
  mesh             = aws_appmesh_mesh.this.id
  namespace        = aws_service_discovery_private_dns_namespace.this
  subnets          = module.vpc.private_subnets
  security_groups  = [module.vpc.default_security_group_id]
  desired_count    = var.gateway_count
  port             = 8088
  gateway          = true
  envoy_image      = local.envoy
  target_group_arn = module.alb.target_group_arns[0]
  routes           = { web = "/" }
  virtual_services = { web = aws_appmesh_virtual_service.web.name }

  depends_on = [module.alb]
}

module "web" {
  source = "./modules/service"

  name            = "web"
  cluster         = aws_ecs_cluster.this.arn
  mesh            = aws_appmesh_mesh.this.id
  namespace       = aws_service_discovery_private_dns_namespace.this
  subnets         = module.vpc.private_subnets
  security_groups = [module.vpc.default_security_group_id]
  desired_count   = 2
  port            = 5000
  envoy_image     = local.envoy

  containers = [
    {
      name        = "web"
      image       = "${data.aws_caller_identity.this.account_id}.dkr.ecr.${var.region}.amazonaws.com/web:${var.image_tag}"
      memory      = 256
      port        = 5000
      environment = { MODE = "production", WORKERS = 4 }
    },
  ]
}

resource "aws_appmesh_virtual_service" "web" {
  name      = "web.${var.name}.local"
  mesh_name = aws_appmesh_mesh.this.id

  spec {
    provider {
      virtual_router {
        virtual_router_name = aws_appmesh_virtual_router.web.name
      }
    }
  }
}

resource "aws_appmesh_virtual_router" "web" {
  name      = "web"
  mesh_name = aws_appmesh_mesh.this.id

  spec {
    listener {
      port_mapping {
        port     = 5000
        protocol = "http"
      }
    }
  }
}

resource "aws_appmesh_route" "web" {
  name                = "web"
  mesh_name           = aws_appmesh_mesh.this.id
  virtual_router_name = aws_appmesh_virtual_router.web.name

  spec {
    priority = 10

    http_route {
      match {
        prefix = "/"
      }

      retry_policy {
        http_retry_events = ["gateway-error", "client-error"]
        tcp_retry_events  = ["connection-error"]
        max_retries       = 3

        per_retry_timeout {
          unit  = "ms"
          value = 2500
        }
      }

      action {
        weighted_target {
          virtual_node = module.web.node_name
          weight       = 1
        }
      }
    }
  }
}

output "dns_name" {
  value = module.alb.dns_name
}

output "paths" {
  value = ["/", "/any/path?x=1"]
}
