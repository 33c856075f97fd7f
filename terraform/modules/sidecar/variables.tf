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

variable "xds_ca" {
  description = "Who signs the control plane's certificate: `system`, or the authority's certificate as PEM; empty for a connection without TLS. For the image of `teal image envoy`."
  type        = string
  default     = ""
}

variable "agent" {
  description = "Whether the image is that of `teal image envoy`: its own health check, and a container that has the task drained before the application is stopped."
  type        = bool
  default     = false
}

variable "app_container" {
  description = "The application's container, before which the task is drained; empty for a gateway, whose agent does it."
  type        = string
  default     = "app"
}

variable "drain_seconds" {
  description = "How long the task is drained, at most; Fargate allows 120 s."
  type        = number
  default     = 110

  validation {
    condition     = var.drain_seconds >= 5 && var.drain_seconds <= 110
    error_message = "Must be 5 to 110."
  }
}

variable "cpu" {
  description = "CPU units of the Envoy container; by default a quarter of task_cpu, or less where app_cpu leaves less, but 32 at least, and for a gateway all that is left."
  type        = number
  default     = null
}

variable "task_cpu" {
  description = "CPU units of the task, by which Envoy's and the application's (app_cpu of the outputs) are chosen; null if the task has none."
  type        = number
  default     = null
}

variable "app_cpu" {
  description = "CPU units that the application's container names for itself; null for what the others leave of task_cpu."
  type        = number
  default     = null
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
  description = "Says whether Envoy is ready, in its container; by default what the image has: curl, or with `agent` teal-envoy."
  type        = list(string)
  default     = null
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
  description = "The sidecar that takes traces: none, xray, or otel, which takes them from Envoy in Zipkin's form (ENABLE_ENVOY_JAEGER_TRACING)."
  type        = string
  default     = "none"

  validation {
    condition     = contains(["none", "xray", "otel"], var.tracing)
    error_message = "Must be none, xray or otel."
  }
}

variable "otel_image" {
  description = "Image of an OpenTelemetry collector that reads its configuration from AOT_CONFIG_CONTENT, as AWS's does."
  type        = string
  default     = "public.ecr.aws/aws-observability/aws-otel-collector:latest"
}

variable "otel_config" {
  description = "Configuration of the collector, as YAML, with a receiver `zipkin` at 127.0.0.1:9411; by default one that sends traces to X-Ray."
  type        = string
  default     = ""
}

variable "xray_image" {
  description = "Image of the X-Ray daemon."
  type        = string
  default     = "amazon/aws-xray-daemon"
}
