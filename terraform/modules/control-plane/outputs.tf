output "xds_endpoint" {
  description = "HOST:PORT of ADS, as xds_endpoint of the other modules takes it."
  value       = "${local.found_at}:${local.xds_port}"
}

output "api_endpoint" {
  description = "URL of the API: TEAL_ENDPOINT, and the appmesh endpoint of Terraform's provider and the AWS CLI."
  value       = "https://${local.found_at}:${local.api_port}"
}

output "load_balancer_dns_name" {
  description = "Name of the network load balancer; empty without one. The certificate must have it, or the name of a record that leads to it."
  value       = var.load_balancer == null ? "" : aws_lb.network[0].dns_name
}

output "page_dns_name" {
  description = "Name of the application load balancer; empty without one."
  value       = var.api_load_balancer == null ? "" : aws_lb.application[0].dns_name
}

output "discovered_name" {
  description = "Name of the replicas in Cloud Map's namespace; empty without one."
  value       = local.discovered
}

output "service" {
  description = "Name of the ECS service."
  value       = local.service_name
}

output "task_role_arn" {
  description = "The role by which it calls AWS."
  value       = aws_iam_role.task.arn
}

output "security_group_id" {
  description = "The security group of the replicas: let it in where they must get to."
  value       = aws_security_group.this.id
}

output "log_group" {
  description = "Where its log is."
  value       = local.log_group
}

output "database_address" {
  description = "Host of the database that was made; empty for another one."
  value       = var.database == null ? "" : aws_db_instance.this[0].address
}
