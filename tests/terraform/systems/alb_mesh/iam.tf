data "aws_iam_policy_document" "ecs_tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "execution" {
  name               = "${local.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.ecs_tasks.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_iam_role" "task" {
  name               = "${local.name}-task"
  assume_role_policy = data.aws_iam_policy_document.ecs_tasks.json
}

locals {
  task_policies = [
    "CloudWatchFullAccess",
    "AWSXRayDaemonWriteAccess",
    "AWSAppMeshEnvoyAccess",
    "AmazonS3ReadOnlyAccess",
  ]
}

resource "aws_iam_role_policy_attachment" "task" {
  count      = length(local.task_policies)
  role       = aws_iam_role.task.name
  policy_arn = "arn:aws:iam::aws:policy/${local.task_policies[count.index]}"
}

data "aws_iam_policy" "ssm" {
  arn = "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"
}

resource "aws_iam_role_policy_attachment" "ssm" {
  role       = aws_iam_role.execution.name
  policy_arn = data.aws_iam_policy.ssm.arn
}

resource "aws_iam_role_policy" "exec" {
  name = "exec"
  role = aws_iam_role.task.id

  policy = <<EOF
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["ssmmessages:CreateControlChannel", "ssmmessages:OpenDataChannel"],
      "Resource": "*"
    }
  ]
}
EOF
}
