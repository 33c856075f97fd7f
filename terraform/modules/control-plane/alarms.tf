# What somebody has to look at. Of the mesh itself Prometheus knows more: deploy/alerts.yml.

locals {
  service_name = var.autoscaling == null ? aws_ecs_service.this[0].name : aws_ecs_service.scaled[0].name
  cluster_name = element(split("/", var.cluster), length(split("/", var.cluster)) - 1)
  of_service   = { ClusterName = local.cluster_name, ServiceName = local.service_name }

  alarms = merge(
    {
      cpu = {
        namespace  = "AWS/ECS", metric = "CPUUtilization", statistic = "Average", above = true, threshold = 80
        dimensions = local.of_service, minutes = 10, text = "The replicas are busy: give them more cpu, or more of them."
      }
      memory = {
        namespace  = "AWS/ECS", metric = "MemoryUtilization", statistic = "Maximum", above = true, threshold = 85
        dimensions = local.of_service, minutes = 10, text = "A replica has little memory left."
      }
    },
    { for key, group in aws_lb_target_group.network : "answering-${key}" => {
      namespace  = "AWS/NetworkELB", metric = "HealthyHostCount", statistic = "Minimum", above = false
      threshold  = var.autoscaling == null ? var.replicas : var.autoscaling.min
      dimensions = { TargetGroup = group.arn_suffix, LoadBalancer = aws_lb.network[0].arn_suffix }
      minutes    = 5, text = "Fewer replicas answer than there should be."
    } },
    { for index, database in aws_db_instance.this : "database-storage" => {
      namespace = "AWS/RDS", metric = "FreeStorageSpace", statistic = "Minimum", above = false
      threshold = database.allocated_storage * 107374182, dimensions = { DBInstanceIdentifier = var.name }
      minutes   = 5, text = "A tenth of the database's storage is left."
    } },
    { for index, database in aws_db_instance.this : "database-cpu" => {
      namespace = "AWS/RDS", metric = "CPUUtilization", statistic = "Average", above = true
      threshold = 80, dimensions = { DBInstanceIdentifier = var.name }
      minutes   = 10, text = "The database is busy."
    } },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = { for name in local.alarm_names : name => local.alarms[name] }
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  dimensions          = each.value.dimensions
  comparison_operator = each.value.above ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = "missing"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

# Known before anything is made, as the names of instances must be.
locals {
  alarm_names = !var.alarms ? [] : concat(
    ["cpu", "memory"],
    [for key in keys(local.listeners) : "answering-${key}"],
    var.database == null ? [] : ["database-storage", "database-cpu"],
  )
}
