"""How many a call of ECS describes, at most; for whoever calls and for the API that answers."""

DESCRIBED_SERVICES = 10
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html"""

DESCRIBED_TASKS = 100
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html"""
