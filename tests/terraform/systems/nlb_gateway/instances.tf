data "aws_ssm_parameter" "ecs_optimized" {
  name = "/aws/service/ecs/optimized-ami/amazon-linux-2/recommended/image_id"
}

data "aws_ami" "ecs" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = ["amzn2-ami-ecs-hvm-*-x86_64-ebs"]
  }
}

resource "aws_key_pair" "default" {
  key_name   = var.name
  public_key = var.public_key
}

resource "aws_iam_role" "instance" {
  name = "${var.name}-instance"

  assume_role_policy = <<EOF
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Action": "sts:AssumeRole",
      "Principal": { "Service": "ec2.amazonaws.com" },
      "Effect": "Allow"
    }
  ]
}
EOF
}

resource "aws_iam_policy_attachment" "instance" {
  name       = "${aws_ecs_cluster.default.name}-ec2"
  roles      = [aws_iam_role.instance.name]
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}

resource "aws_iam_instance_profile" "instance" {
  name = "${aws_iam_role.instance.name}-profile"
  role = aws_iam_role.instance.name
}

resource "aws_launch_template" "default" {
  name_prefix            = "${var.name}-"
  image_id               = data.aws_ssm_parameter.ecs_optimized.value
  instance_type          = "m5.large"
  key_name               = aws_key_pair.default.key_name
  vpc_security_group_ids = [aws_security_group.tasks.id]
  ebs_optimized          = true

  iam_instance_profile {
    name = aws_iam_instance_profile.instance.name
  }

  monitoring {
    enabled = true
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size = 30
      volume_type = "gp3"
      encrypted   = true
    }
  }

  user_data = base64encode(<<EOF
#!/bin/bash
echo "ECS_CLUSTER=${var.name}" >> /etc/ecs/ecs.config
EOF
  )

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = var.name }
  }
}

resource "aws_autoscaling_group" "default" {
  name                  = var.name
  min_size              = 1
  max_size              = 3
  desired_capacity      = 1
  vpc_zone_identifier   = [aws_subnet.private.id]
  health_check_type     = "EC2"
  protect_from_scale_in = true
  force_delete          = true

  launch_template {
    id      = aws_launch_template.default.id
    version = "$Latest"
  }

  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = 0
      instance_warmup        = 0
    }
  }

  tag {
    key                 = "Name"
    value               = var.name
    propagate_at_launch = true
  }

  tag {
    key                 = "AmazonECSManaged"
    value               = ""
    propagate_at_launch = true
  }
}

resource "aws_ecs_capacity_provider" "default" {
  name = "${var.name}-instances"

  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.default.arn
    managed_termination_protection = "ENABLED"

    managed_scaling {
      maximum_scaling_step_size = 2
      minimum_scaling_step_size = 1
      status                    = "ENABLED"
      target_capacity           = 90
    }
  }
}

resource "aws_ecs_cluster" "default" {
  name               = var.name
  capacity_providers = [aws_ecs_capacity_provider.default.name]

  default_capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.default.name
    weight            = 1
  }
}

resource "aws_launch_configuration" "bastion" {
  name_prefix   = "${var.name}-bastion-"
  image_id      = data.aws_ami.ecs.id
  instance_type = "t2.micro"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_autoscaling_group" "bastion" {
  name                 = "${var.name}-bastion"
  launch_configuration = aws_launch_configuration.bastion.name
  min_size             = 0
  max_size             = 1
  vpc_zone_identifier  = [aws_subnet.public.id]
}

resource "aws_instance" "jump" {
  ami                         = data.aws_ami.ecs.id
  instance_type               = "t3.nano"
  subnet_id                   = aws_subnet.public.id
  vpc_security_group_ids      = [aws_security_group.tasks.id]
  associate_public_ip_address = true

  tags = {
    Name = "${var.name}-jump"
  }
}
