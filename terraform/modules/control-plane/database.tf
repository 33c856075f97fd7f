# PostgreSQL by RDS, in two zones: what was committed is in both. Its database is the one that each
# server has, postgres: the argument that names another is not the same in all versions of the provider.

data "aws_secretsmanager_secret_version" "password" {
  count     = var.database == null ? 0 : 1
  secret_id = var.database_password_secret_arn
}

resource "aws_db_subnet_group" "this" {
  count      = var.database == null ? 0 : 1
  name       = var.name
  subnet_ids = var.database.subnets
}

resource "aws_security_group" "database" {
  count       = var.database == null ? 0 : 1
  name        = "${var.name}-database"
  description = "The database of the control plane ${var.name}"
  vpc_id      = var.vpc_id

  ingress {
    description     = "Its replicas"
    from_port       = 5432
    to_port         = 5432
    protocol        = "tcp"
    security_groups = [aws_security_group.this.id]
  }
}

resource "aws_db_instance" "this" {
  count                           = var.database == null ? 0 : 1
  identifier                      = var.name
  engine                          = "postgres"
  engine_version                  = var.database.engine_version
  instance_class                  = var.database.instance_class
  allocated_storage               = var.database.storage_gib
  max_allocated_storage           = var.database.storage_gib * 5
  storage_encrypted               = true
  kms_key_id                      = var.database.kms_key_arn
  username                        = var.database.user
  password                        = data.aws_secretsmanager_secret_version.password[0].secret_string
  multi_az                        = var.database.multi_az
  db_subnet_group_name            = aws_db_subnet_group.this[0].name
  vpc_security_group_ids          = [aws_security_group.database[0].id]
  publicly_accessible             = false
  backup_retention_period         = var.database.backup_days
  copy_tags_to_snapshot           = true
  auto_minor_version_upgrade      = true
  enabled_cloudwatch_logs_exports = ["postgresql"]
  deletion_protection             = var.deletion_protection
  skip_final_snapshot             = !var.deletion_protection
  final_snapshot_identifier       = var.deletion_protection ? "${var.name}-final" : null
}
