# A mesh with one route: for many applies at once and applies that are interrupted.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "3.39.0"
    }
  }
}

variable "endpoint" {
  type = string
}

variable "name" {
  type = string
}

variable "weight" {
  type    = number
  default = 1
}

variable "access_key" {
  type    = string
  default = "test"
}

variable "secret_key" {
  type    = string
  default = "test"
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = var.access_key
  secret_key                  = var.secret_key
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_get_ec2_platforms      = true
  max_retries                 = 2

  endpoints {
    appmesh = var.endpoint
  }
}

resource "aws_appmesh_mesh" "main" {
  name = var.name
}

resource "aws_appmesh_virtual_node" "side" {
  count     = 2
  name      = "node-${count.index}"
  mesh_name = aws_appmesh_mesh.main.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }

    service_discovery {
      dns {
        hostname = "node-${count.index}.local"
      }
    }
  }
}

resource "aws_appmesh_virtual_router" "app" {
  name      = "app"
  mesh_name = aws_appmesh_mesh.main.name

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
  }
}

resource "aws_appmesh_route" "app" {
  name                = "app"
  mesh_name           = aws_appmesh_mesh.main.name
  virtual_router_name = aws_appmesh_virtual_router.app.name

  spec {
    http_route {
      match {
        prefix = "/"
      }

      action {
        dynamic "weighted_target" {
          for_each = aws_appmesh_virtual_node.side

          content {
            virtual_node = weighted_target.value.name
            weight       = var.weight
          }
        }
      }
    }
  }
}

resource "aws_appmesh_virtual_service" "app" {
  name      = "app.local"
  mesh_name = aws_appmesh_mesh.main.name

  spec {
    provider {
      virtual_router {
        virtual_router_name = aws_appmesh_virtual_router.app.name
      }
    }
  }
}
