variable "aws_region" {
  default = "eu-west-1"
}

variable "project" {
  default = "shop"
}

variable "environment" {
  default = "dev"
}

variable "vpc_cidr" {
  default = "10.20.0.0/16"
}

variable "az_count" {
  default = 2
}

variable "app_port" {
  default = 8080
}

variable "blue_tag" {
  default = "1.0.0"
}

variable "green_tag" {
  default = "2.0.0"
}

variable "green_weight" {
  type    = number
  default = 0
}

variable "envoy_image" {
  default = "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.25.1.0-prod"
}

variable "xray_image" {
  default = "public.ecr.aws/xray/aws-xray-daemon:latest"
}
