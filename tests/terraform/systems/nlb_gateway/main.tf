# A network load balancer before a virtual gateway; tasks with awsvpc on EC2 instances of an Auto
# Scaling group, which is the capacity provider of the cluster.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 3.39"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "name" {
  default = "canary"
}

variable "admin_cidr" {
  default = "192.0.2.0/24"
}

variable "public_key" {
  default = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCtLcVPn5fuKkFJrvnMbTLf8IAoHDAkVMzYlDrxyQBPcTOIMBF7mbrsVfFYJZOcKcLPcTAWcVRQCTeYUEYZI8EtGdqPGGhyoMSSi9nGKyzjTGsEzrwBwAJAZoqz1XKUTNvtTUb0qSTkDvwvuzMsNRZT0PHsdvbzHHMhmQvE6mSGYQ== ops"
}

variable "stable_tag" {
  default = "1.4"
}

variable "canary_weight" {
  default = 5
}

locals {
  envoy_image = "840364872350.dkr.ecr.us-east-1.amazonaws.com/aws-appmesh-envoy:v1.22.2.0-prod"

  versions = {
    stable = { tag = var.stable_tag, count = 2, weight = 100 - var.canary_weight }
    canary = { tag = "2.0-rc1", count = 1, weight = var.canary_weight }
  }
}

resource "aws_vpc" "default" {
  cidr_block           = "10.30.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_internet_gateway" "default" {
  vpc_id = aws_vpc.default.id
}

resource "aws_subnet" "public" {
  vpc_id                  = aws_vpc.default.id
  cidr_block              = "10.30.101.0/24"
  availability_zone       = "us-east-1a"
  map_public_ip_on_launch = true
}

resource "aws_subnet" "private" {
  vpc_id            = aws_vpc.default.id
  cidr_block        = "10.30.1.0/24"
  availability_zone = "us-east-1a"
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.default.id
}

resource "aws_route" "public" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.default.id
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

resource "aws_security_group" "tasks" {
  name   = "${var.name}-tasks"
  vpc_id = aws_vpc.default.id

  ingress {
    description = "everything within the network"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = [aws_vpc.default.cidr_block]
  }

  egress {
    from_port        = 0
    to_port          = 0
    protocol         = "-1"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
}

resource "aws_lb" "gateway" {
  name                             = "${var.name}-gateway"
  load_balancer_type               = "network"
  internal                         = false
  idle_timeout                     = 60
  enable_deletion_protection       = false
  enable_cross_zone_load_balancing = true
  subnets                          = [aws_subnet.public.id]
}

resource "aws_lb_listener" "gateway" {
  load_balancer_arn = aws_lb.gateway.arn
  port              = "80"
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.gateway.arn
  }
}

resource "aws_lb_target_group" "gateway" {
  name                 = "${var.name}-gateway"
  vpc_id               = aws_vpc.default.id
  target_type          = "ip"
  port                 = 80
  protocol             = "TCP"
  deregistration_delay = 5

  health_check {
    healthy_threshold   = 2
    unhealthy_threshold = 2
    interval            = 10
    protocol            = "TCP"
    port                = 9080
  }

  depends_on = [aws_lb.gateway]
}

output "dns_name" {
  value = aws_lb.gateway.dns_name
}
