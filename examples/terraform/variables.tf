variable "endpoint" {
  description = "Address of the control plane."
  type        = string
  default     = "http://127.0.0.1:4566"
}

variable "name" {
  description = "Name of the mesh, the cluster and the network; the namespace is NAME.local."
  type        = string
  default     = "article"
}

variable "app_name" {
  type    = string
  default = "sample"
}

variable "app_port" {
  type    = number
  default = 8080
}

variable "app_memory" {
  description = "Hard memory limit of the application's container, in MiB."
  type        = number
  default     = 256
}

variable "healthcheck_path" {
  type    = string
  default = "/health"
}

variable "gateway_port" {
  description = "Port of the gateway on this machine."
  type        = number
  default     = 9080
}

variable "desired_count" {
  description = "Tasks per active side."
  type        = number
  default     = 1
}

variable "task_cpu" {
  type    = number
  default = 512
}

variable "task_memory" {
  type    = number
  default = 1024
}

variable "platform_version" {
  type    = string
  default = "1.4.0"
}

variable "envoy_image" {
  type    = string
  default = "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.20.0.1-prod"
}

variable "xray_image" {
  type    = string
  default = "amazon/aws-xray-daemon"
}

variable "wait_for_steady_state" {
  description = "Wait until a side's tasks are running; the provider checks every 15 s."
  type        = bool
  default     = true
}

# Operators edit these: each of the four steps of a release changes some of them.

variable "blue_is_active" {
  type    = bool
  default = true
}

variable "blue_weight" {
  type    = number
  default = 1
}

variable "app_image_blue" {
  type    = string
  default = "example/sample:0.0.1"
}

variable "green_is_active" {
  type    = bool
  default = false
}

variable "green_weight" {
  type    = number
  default = 0
}

variable "app_image_green" {
  type    = string
  default = "example/sample:0.0.2"
}
