variable "name" {
  description = "Name of the service: of its virtual router, its Cloud Map service and its containers' family."
  type        = string
}

variable "mesh_name" {
  description = "The mesh that the service is in."
  type        = string
}

variable "cluster" {
  description = "The ECS cluster that its tasks run in: name or ARN."
  type        = string
}

variable "namespace" {
  description = "The private DNS namespace of Cloud Map that its tasks are found in."
  type = object({
    id   = string
    name = string
  })
}

variable "subnets" {
  description = "Subnets of the tasks."
  type        = list(string)
}

variable "security_groups" {
  description = "Security groups of the tasks."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "Whether tasks get public addresses, which they need in a public subnet to fetch images."
  type        = bool
  default     = false
}

variable "hostname" {
  description = "The virtual service that callers use; by default NAME.NAMESPACE."
  type        = string
  default     = ""
}

variable "protocol" {
  description = "What the application speaks: http, http2 or grpc."
  type        = string
  default     = "http"

  validation {
    condition     = contains(["http", "http2", "grpc"], var.protocol)
    error_message = "Must be http, http2 or grpc."
  }
}

variable "port" {
  description = "The port that the application listens on."
  type        = number
}

variable "health_check_path" {
  description = "What Envoys of callers request to see whether a task is healthy; of a gRPC service nothing is requested by path."
  type        = string
  default     = "/health"
}

variable "backends" {
  description = "The virtual services that it calls."
  type        = list(string)
  default     = []
}

variable "blue" {
  description = "The blue side: whether it exists, its weight, and the image of the application."
  type = object({
    is_active = bool
    weight    = number
    image     = string
  })
}

variable "green" {
  description = "The green side."
  type = object({
    is_active = bool
    weight    = number
    image     = string
  })
}

variable "side_names" {
  description = "What the sides are called in names of resources, if not blue and green."
  type        = object({ blue = string, green = string })
  default     = { blue = "blue", green = "green" }

  validation {
    condition     = var.side_names.blue != var.side_names.green
    error_message = "The sides must have different names."
  }
}

variable "names" {
  description = "Names of resources that were there before the module, which are not those that it would give (as `teal terraform moved` prints them): a side has NAME-blue or NAME-green, the role of tasks a name that begins with NAME, all else NAME."
  type = object({
    route             = optional(string)
    cloud_map_service = optional(string)
    task_role         = optional(string)
    virtual_nodes     = optional(map(string), {})
    ecs_services      = optional(map(string), {})
    families          = optional(map(string), {})
  })
  default = {}

  validation {
    condition     = alltrue([for side in concat(keys(var.names.virtual_nodes), keys(var.names.ecs_services), keys(var.names.families)) : contains(["blue", "green"], side)])
    error_message = "virtual_nodes, ecs_services and families have a name for blue, for green or for both."
  }
}

variable "desired_count" {
  description = "Tasks of each active side."
  type        = number
  default     = 2
}

variable "container" {
  description = "Further members of the application's container definition, as JSON: environment, secrets, command, …"
  type        = string
  default     = "{}"

  validation {
    condition     = can(keys(jsondecode(var.container)))
    error_message = "Must be a JSON object."
  }
}

variable "cpu" {
  description = "CPU units of a task. The application's container gets what Envoy and tracing leave, unless `container` names its cpu."
  type        = number
  default     = 512
}

variable "envoy_cpu" {
  description = "CPU units of Envoy; null for a quarter of the task's, or less where `container` leaves less."
  type        = number
  default     = null
}

variable "memory" {
  description = "Memory of a task, in MiB."
  type        = number
  default     = 1024
}

variable "execution_role_arn" {
  description = "The role that fetches images and secrets."
  type        = string
}

variable "task_policies" {
  description = "ARNs of policies that the application needs."
  type        = list(string)
  default     = []
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
  description = "Whether envoy_image is that of `teal image envoy`: its own health check, and a container that has a task drained before its application is stopped."
  type        = bool
  default     = false
}

variable "envoy_environment" {
  description = "Further variables of Envoy."
  type        = map(string)
  default     = {}
}

variable "tracing" {
  description = "The sidecar that takes traces: none, xray, or otel (as the module sidecar has them)."
  type        = string
  default     = "none"
}

variable "log_group" {
  description = "The CloudWatch log group of all containers; empty for no logs."
  type        = string
  default     = ""
}

variable "retries" {
  description = "How often a request is sent to another task if the connection fails; 0 for never."
  type        = number
  default     = 1
}

variable "timeout_seconds" {
  description = "How long a request may take; 0 for App Mesh's 15 seconds."
  type        = number
  default     = 0
}

variable "wait_for_steady_state" {
  description = "Whether a side gets weight only once its tasks run; the provider looks every 15 s."
  type        = bool
  default     = true
}

variable "platform_version" {
  description = "Fargate's platform version."
  type        = string
  default     = "1.4.0"
}
