"""How much time and memory calls take: ``ecr_client``, boto3 and the bare parts, side by side."""
