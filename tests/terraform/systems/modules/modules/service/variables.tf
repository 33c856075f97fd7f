variable "name" {
  type = string
}

variable "cluster" {
  type = string
}

variable "mesh" {
  type = string
}

variable "namespace" {
  type = any
}

variable "subnets" {
  type = list(string)
}

variable "security_groups" {
  type = list(string)
}

variable "desired_count" {
  type = number
}

variable "port" {
  type = number
}

variable "envoy_image" {
  type = string
}

variable "gateway" {
  description = "whether this is a virtual gateway"
  type        = bool
  default     = false
}

variable "containers" {
  type    = any
  default = []
}

variable "target_group_arn" {
  type    = string
  default = null
}

variable "routes" {
  type    = map(string)
  default = {}
}

variable "virtual_services" {
  type    = map(string)
  default = {}
}
