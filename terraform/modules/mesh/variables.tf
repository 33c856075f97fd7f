variable "name" {
  description = "Name of the mesh; the namespace is NAME.local unless `namespace` says otherwise."
  type        = string
}

variable "vpc_id" {
  description = "The VPC that the namespace is visible in."
  type        = string
}

variable "namespace" {
  description = "Name of the private DNS namespace of Cloud Map; by default NAME.local."
  type        = string
  default     = ""
}

variable "egress" {
  description = "Whether applications reach what is not in the mesh: ALLOW_ALL or DROP_ALL."
  type        = string
  default     = "ALLOW_ALL"

  validation {
    condition     = contains(["ALLOW_ALL", "DROP_ALL"], var.egress)
    error_message = "Must be ALLOW_ALL or DROP_ALL."
  }
}

variable "cluster" {
  description = "The ECS cluster that the gateway runs in: name or ARN."
  type        = string
}

variable "subnets" {
  description = "Subnets of the gateway's tasks."
  type        = list(string)
}

variable "security_groups" {
  description = "Security groups of the gateway's tasks."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "Whether the gateway's tasks get public addresses."
  type        = bool
  default     = false
}

variable "gateway_port" {
  description = "The port that the gateway listens on."
  type        = number
  default     = 8080
}

variable "gateway_routes" {
  description = "Virtual services (the hostname of their modules) by the path prefix under which the gateway passes requests on."
  type        = map(string)
}

variable "gateway_count" {
  description = "Tasks of the gateway."
  type        = number
  default     = 2
}

variable "load_balancer" {
  description = "What is in front of the gateway: a network load balancer, an application load balancer (`type` application, with `security_groups`), or none. With a certificate of ACM it ends TLS. `health_check_path` is what an application load balancer requests."
  type = object({
    subnets           = list(string)
    internal          = bool
    port              = number
    type              = optional(string, "network")
    security_groups   = optional(list(string))
    certificate_arn   = optional(string)
    health_check_path = optional(string, "/")
  })
  default = null

  validation {
    condition     = var.load_balancer == null ? true : contains(["network", "application"], var.load_balancer.type)
    error_message = "type must be network or application."
  }
}

variable "gateway_environment" {
  description = "Further variables of the gateway's Envoy."
  type        = map(string)
  default     = {}
}

variable "execution_role_arn" {
  description = "The role that fetches images and secrets."
  type        = string
}

variable "envoy_image" {
  description = "Image of Envoy: App Mesh's, or one built by `teal image envoy`."
  type        = string
}

variable "xds_endpoint" {
  description = "HOST:PORT of the control plane's ADS; empty where the engine or the image knows it, as on `teal up`."
  type        = string
  default     = ""
}

variable "xds_ca" {
  description = "Who signs the control plane's certificate: `system`, or the authority's certificate as PEM; empty for a connection without TLS. For the image of `teal image envoy`."
  type        = string
  default     = ""
}

variable "agent" {
  description = "Whether envoy_image is that of `teal image envoy`: its own health check, and what it says of itself."
  type        = bool
  default     = false
}

variable "log_group" {
  description = "The CloudWatch log group of the gateway; empty for no logs."
  type        = string
  default     = ""
}

variable "wait_for_steady_state" {
  description = "Whether an apply waits until the gateway's tasks run; the provider looks every 15 s."
  type        = bool
  default     = true
}

variable "platform_version" {
  description = "Fargate's platform version."
  type        = string
  default     = "1.4.0"
}
