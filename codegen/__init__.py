"""Generates ``ecr_client/_generated`` and ``ecr_client/_methods`` from botocore's model of ECR."""
