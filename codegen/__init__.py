"""The generator of ``ecr_client/_generated``: reads the ECR model of botocore and writes Python."""
