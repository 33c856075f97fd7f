# Several services of one cluster, discovered by DNS names; an application load balancer with TLS
# by a certificate that is validated by DNS, and rules by host and path.

terraform {
  required_version = ">= 0.13"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 3.0, < 4.0"
    }
  }
}

provider "aws" {
  region = local.region
}

variable "domain" {
  default = "shop.example.com"
}

variable "services" {
  type = map(object({
    image    = string
    version  = string
    port     = number
    count    = number
    path     = string
    backends = list(string)
  }))

  default = {
    gateway = {
      image    = "example/front"
      version  = "3"
      port     = 3000
      count    = 2
      path     = "/*"
      backends = ["catalog"]
    }
    catalog = {
      image    = "example/web"
      version  = "1.8"
      port     = 8080
      count    = 2
      path     = "/catalog*"
      backends = []
    }
  }
}

variable "catalog_version" {
  default = "1.8"
}

locals {
  region = "us-west-2"
  name   = "bookshop"
  zone   = "${local.name}.internal"
  azs    = slice(data.aws_availability_zones.all.names, 0, 2)

  versions = { for name, it in var.services : name => name == "catalog" ? var.catalog_version : it.version }

  tags = {
    Project = local.name
    Owner   = "platform"
  }
}

data "aws_availability_zones" "all" {}

data "aws_partition" "current" {}

resource "aws_vpc" "this" {
  cidr_block           = "172.20.0.0/16"
  enable_dns_hostnames = true
  tags                 = merge(local.tags, { Name = local.name })
}

resource "aws_subnet" "this" {
  for_each          = { for index, zone in local.azs : zone => index }
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet("172.20.0.0/16", 4, each.value)
  tags              = merge(local.tags, { Name = "${local.name}-${each.key}" })
}

resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  ingress {
    protocol  = -1
    self      = true
    from_port = 0
    to_port   = 0
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "web" {
  name_prefix = "${local.name}-web-"
  vpc_id      = aws_vpc.this.id

  dynamic "ingress" {
    for_each = [80, 443]

    content {
      protocol    = "tcp"
      from_port   = ingress.value
      to_port     = ingress.value
      cidr_blocks = ["0.0.0.0/0"]
    }
  }
}

resource "aws_kms_key" "logs" {
  description             = "logs of ${local.name}"
  deletion_window_in_days = 7
  enable_key_rotation     = true
}

resource "aws_kms_alias" "logs" {
  name          = "alias/${local.name}-logs"
  target_key_id = aws_kms_key.logs.key_id
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = var.services
  name              = "/aws/ecs/${local.name}/${each.key}"
  retention_in_days = 7
  kms_key_id        = aws_kms_key.logs.arn
  tags              = local.tags
}
