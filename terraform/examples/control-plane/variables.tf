variable "image" {
  description = "images/control-plane, in a registry of yours."
  type        = string
}

variable "secrets_arn" {
  description = "The secret with what `teal keys bundle` printed."
  type        = string
}

variable "database_url" {
  description = "postgresql://USER@HOST/NAME, without a password."
  type        = string
}

variable "database_password_secret_arn" {
  description = "The secret that is the password; empty where the database asks for none."
  type        = string
  default     = ""
}

variable "clusters" {
  description = "The ECS clusters whose services it deploys."
  type        = list(string)
  default     = ["shop"]
}

variable "environment" {
  description = "Further variables of `teal serve`."
  type        = map(string)
  default     = {}
}

variable "deletion_protection" {
  type    = bool
  default = true
}

variable "wait_for_steady_state" {
  type    = bool
  default = true
}
