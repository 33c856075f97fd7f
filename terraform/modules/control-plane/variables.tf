variable "name" {
  description = "Name of the control plane: of its ECS service, its load balancers, its log group and its database."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.name)) && !can(regex("--", var.name))
    error_message = "Must be 2 to 32 lower-case letters, digits and single hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "image" {
  description = "Image of the control plane: images/control-plane, built and pushed to a registry of yours."
  type        = string
}

variable "cluster" {
  description = "The ECS cluster that the replicas run in: name or ARN."
  type        = string
}

variable "clusters" {
  description = "Names of the ECS clusters whose services are deployed; empty for all of the account in this region."
  type        = list(string)
  default     = []
}

variable "vpc_id" {
  description = "The VPC of everything here."
  type        = string
}

variable "subnets" {
  description = "Private subnets of the replicas, in two zones or more. They need a way to AWS's APIs: a NAT gateway, or endpoints of the VPC."
  type        = list(string)
}

variable "security_groups" {
  description = "Further security groups of the replicas, such as one that a database lets in."
  type        = list(string)
  default     = []
}

variable "assign_public_ip" {
  description = "Whether replicas get public addresses."
  type        = bool
  default     = false
}

variable "client_cidr_blocks" {
  description = "From where API and Envoys' port may be called: the VPC's blocks. Health checks of a network load balancer come from there too."
  type        = list(string)
}

variable "replicas" {
  description = "How many there are; two or more, so that one may die."
  type        = number
  default     = 2

  validation {
    condition     = var.replicas >= 1 && floor(var.replicas) == var.replicas
    error_message = "Must be 1 or more."
  }
}

variable "autoscaling" {
  description = "Bounds of automatic scaling by CPU (percent); null for a fixed number. Turning it on or off makes the ECS service anew: Envoys keep what they have meanwhile."
  type = object({
    min = number
    max = number
    cpu = optional(number, 60)
  })
  default = null

  validation {
    condition     = var.autoscaling == null ? true : var.autoscaling.min >= 1 && var.autoscaling.max >= var.autoscaling.min
    error_message = "min must be 1 or more, and max not below it."
  }
}

variable "cpu" {
  description = "CPU units of a replica."
  type        = number
  default     = 1024
}

variable "memory" {
  description = "Memory of a replica, in MiB."
  type        = number
  default     = 2048
}

variable "secrets_arn" {
  description = "Secret of Secrets Manager (or parameter of SSM) with what `teal keys bundle --with tls.crt --with tls.key` printed. The certificate must be for the names by which it is reached."
  type        = string
}

variable "client_authority" {
  description = "Whether the bundle has a client-ca.crt, whose certificates Envoys must show."
  type        = bool
  default     = false
}

variable "oidc" {
  description = "Whether the bundle has an oidc.json, which says who of the people behind a load balancer may what."
  type        = bool
  default     = false
}

variable "database_url" {
  description = "postgresql://USER@HOST/NAME?sslmode=verify-full&sslrootcert=/keys/teal/FILE of a PostgreSQL of your own, without a password."
  type        = string
  default     = ""
}

variable "database_url_secret_arn" {
  description = "Secret with such a URL that has a password, in place of database_url."
  type        = string
  default     = ""
}

variable "database_password_secret_arn" {
  description = "Secret that is the password alone, for database_url or for a database that is made here."
  type        = string
  default     = ""
}

variable "database" {
  description = "A PostgreSQL that is made here by RDS: its instance class, subnets in two zones and, if you like, the rest. `parameters` are those of its URL; with a bundle that has RDS's authorities, sslmode=verify-full&sslrootcert=/keys/teal/FILE. The password is also in Terraform's state."
  type = object({
    instance_class = string
    subnets        = list(string)
    engine_version = optional(string, "16")
    storage_gib    = optional(number, 20)
    user           = optional(string, "teal")
    multi_az       = optional(bool, true)
    backup_days    = optional(number, 14)
    kms_key_arn    = optional(string)
    parameters     = optional(string, "sslmode=require")
  })
  default = null
}

variable "load_balancer" {
  description = "The network load balancer for API (8443) and Envoys (8444), which passes TLS through; null for none."
  type = object({
    subnets  = list(string)
    internal = optional(bool, true)
  })
  default = null
}

variable "api_load_balancer" {
  description = "An application load balancer for the page and the API, with a certificate of ACM and, if `oidc` is given, a login; null for none."
  type = object({
    subnets         = list(string)
    security_groups = list(string)
    certificate_arn = string
    internal        = optional(bool, true)
    oidc = optional(object({
      issuer                 = string
      authorization_endpoint = string
      token_endpoint         = string
      user_info_endpoint     = string
      client_id              = string
      client_secret          = string
    }))
  })
  default = null
}

variable "discovery" {
  description = "A private DNS namespace of Cloud Map in which replicas are found by the name NAME.NAMESPACE; null for none."
  type = object({
    id   = string
    name = string
  })
  default = null
}

variable "deletion_protection" {
  description = "Whether load balancers and database can only be destroyed after this was set to false, and the database only with a last snapshot."
  type        = bool
  default     = true
}

variable "allowed_hosts" {
  description = "Further names by which it is called (the Host header), such as an alias record's."
  type        = list(string)
  default     = []
}

variable "stream_drain" {
  description = "Over how many seconds a replica that stops lets its Envoys go, one after the other."
  type        = number
  default     = 10

  validation {
    condition     = var.stream_drain >= 0 && var.stream_drain <= 105
    error_message = "Must be 0 to 105: Fargate waits for 120 s at most."
  }
}

variable "envoy_role_arns" {
  description = "Task roles of Envoys, whose policies are asked; empty for all of the account."
  type        = list(string)
  default     = []
}

variable "passed_role_arns" {
  description = "Task and execution roles of the services that are deployed; empty for all of the account."
  type        = list(string)
  default     = []
}

variable "systems" {
  description = "Whether `teal apply` and `teal delete` of services of a teal.toml are allowed at AWS."
  type        = bool
  default     = false
}

variable "cloudwatch_gates" {
  description = "Whether gates may read metrics of CloudWatch."
  type        = bool
  default     = false
}

variable "certificate_arns" {
  description = "Certificates of ACM that meshes use."
  type        = list(string)
  default     = []
}

variable "certificate_authority_arns" {
  description = "Private authorities that meshes use."
  type        = list(string)
  default     = []
}

variable "secret_kms_key_arns" {
  description = "Keys of KMS that the secrets are encrypted with, if not AWS's own."
  type        = list(string)
  default     = []
}

variable "environment" {
  description = "Further variables of `teal serve`: each option is one (docs/serve.md)."
  type        = map(string)
  default     = {}
}

variable "log_group" {
  description = "A log group that exists; empty for one that is made, /teal/NAME."
  type        = string
  default     = ""
}

variable "log_retention_days" {
  description = "For how many days a log group that is made keeps its logs."
  type        = number
  default     = 30
}

variable "log_kms_key_arn" {
  description = "Key of KMS for a log group that is made; empty for AWS's own."
  type        = string
  default     = ""
}

variable "alarms" {
  description = "Whether alarms of CloudWatch are made."
  type        = bool
  default     = true
}

variable "alarm_actions" {
  description = "What an alarm does, and its end: topics of SNS."
  type        = list(string)
  default     = []
}

variable "wait_for_steady_state" {
  description = "Whether an apply waits until the replicas run; the provider looks every 15 s."
  type        = bool
  default     = true
}

variable "platform_version" {
  description = "Fargate's platform version."
  type        = string
  default     = "1.4.0"
}
