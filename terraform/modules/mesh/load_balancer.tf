resource "aws_lb" "gateway" {
  count              = var.load_balancer == null ? 0 : 1
  name               = "${substr(var.name, 0, 24)}-gateway"
  load_balancer_type = "network"
  internal           = var.load_balancer.internal
  subnets            = var.load_balancer.subnets
}

resource "aws_lb_target_group" "gateway" {
  count                = var.load_balancer == null ? 0 : 1
  name                 = "${substr(var.name, 0, 24)}-gateway"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  port                 = var.gateway_port
  protocol             = "TCP"
  deregistration_delay = 30

  depends_on = [aws_lb.gateway]
}

resource "aws_lb_listener" "gateway" {
  count             = var.load_balancer == null ? 0 : 1
  load_balancer_arn = aws_lb.gateway[0].arn
  port              = var.load_balancer.port
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.gateway[0].arn
  }
}
