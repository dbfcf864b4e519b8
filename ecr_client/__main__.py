"""``python -m ecr_client`` is the command line ``ecr``."""

from ecr_client.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
