variable "blue" {
  description = "The blue side."
  type        = object({ is_active = bool, weight = number, image = string })
  default     = { is_active = true, weight = 1, image = "example/sample:0.0.1" }
}

variable "green" {
  description = "The green side."
  type        = object({ is_active = bool, weight = number, image = string })
  default     = { is_active = false, weight = 0, image = "example/sample:0.0.2" }
}

variable "envoy_image" {
  type    = string
  default = "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod"
}

variable "gateway_port" {
  type    = number
  default = 9080
}

variable "gateway_environment" {
  description = "On one machine, in place of a load balancer: the gateway listens on this address too."
  type        = map(string)
  default     = { TEAL_PUBLISH_ADDRESS = "127.0.0.1" }
}
