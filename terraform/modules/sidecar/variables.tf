variable "resource" {
  description = "The virtual node or gateway that the Envoy is: its ARN, or mesh/MESH/virtualNode/NAME."
  type        = string

  validation {
    condition     = can(regex("mesh/[^/]+/(virtualNode|virtualGateway)/[^/]+$", var.resource))
    error_message = "Must be mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME, or such an ARN."
  }
}

variable "app_ports" {
  description = "The ports that the application listens on; none for a gateway."
  type        = list(number)
  default     = []
}

variable "image" {
  description = "Image of Envoy: App Mesh's, or one built by `teal image envoy`."
  type        = string
}

variable "xds_endpoint" {
  description = "HOST:PORT of the control plane's ADS; empty where the engine or the image knows it, as on `teal up`."
  type        = string
  default     = ""
}

variable "cpu" {
  description = "CPU units of the container."
  type        = number
  default     = 32
}

variable "memory_reservation" {
  description = "Soft memory limit of the container, in MiB."
  type        = number
  default     = 256
}

variable "user_id" {
  description = "User of the Envoy container, whose own traffic is not redirected to it."
  type        = number
  default     = 1337
}

variable "egress_ignored_ports" {
  description = "Ports to which the application connects without Envoy, such as a database's."
  type        = list(number)
  default     = []
}

variable "environment" {
  description = "Further variables of the Envoy container, such as ENVOY_LOG_LEVEL."
  type        = map(string)
  default     = {}
}

variable "health_check_command" {
  description = "Says whether Envoy is ready, in its container."
  type        = list(string)
  default     = ["CMD-SHELL", "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE"]
}

variable "log_configuration" {
  description = "logConfiguration of the containers, as ECS has it; null for none."
  type = object({
    logDriver = string
    options   = map(string)
  })
  default = null
}

variable "tracing" {
  description = "The sidecar that takes traces: none, or xray."
  type        = string
  default     = "none"

  validation {
    condition     = contains(["none", "xray"], var.tracing)
    error_message = "Must be none or xray."
  }
}

variable "xray_image" {
  description = "Image of the X-Ray daemon."
  type        = string
  default     = "amazon/aws-xray-daemon"
}
