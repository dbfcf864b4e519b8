"""How much time and memory calls take: ``ecr_client`` and its peers, side by side."""
