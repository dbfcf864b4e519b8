"""The generator of ``ecr_client/_generated``: from botocore's model of ECR to Python."""
