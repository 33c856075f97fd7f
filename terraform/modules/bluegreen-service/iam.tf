data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "task" {
  name               = var.names.task_role
  name_prefix        = var.names.task_role == null ? "${substr(var.name, 0, 24)}-" : null
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy_attachment" "task" {
  for_each   = toset(concat(var.task_policies, contains(["xray", "otel"], var.tracing) ? ["arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"] : []))
  role       = aws_iam_role.task.name
  policy_arn = each.value
}

# Envoys may ask for the configuration of the sides that exist, and of nothing else.
resource "aws_iam_role_policy" "envoy" {
  name = "envoy"
  role = aws_iam_role.task.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "appmesh:StreamAggregatedResources"
      Resource = [for side in sort(keys(local.sides)) : aws_appmesh_virtual_node.side[side].arn]
    }]
  })
}
