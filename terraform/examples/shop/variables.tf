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

variable "network" {
  description = "A VPC and subnets that exist, such as those of examples/control-plane; null for new ones."
  type        = object({ vpc_id = string, subnets = list(string) })
  default     = null
}

variable "xds_endpoint" {
  description = "The control plane, such as that of examples/control-plane; empty for the engine's own."
  type        = string
  default     = ""
}

variable "xds_ca" {
  description = "The authority of its certificate, as PEM."
  type        = string
  default     = ""
}

variable "agent" {
  description = "Whether envoy_image is that of `teal image envoy`."
  type        = bool
  default     = false
}

variable "envoy_environment" {
  type    = map(string)
  default = {}
}

variable "load_balancer" {
  description = "Whether a network load balancer is in front of the gateway."
  type        = bool
  default     = false
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
