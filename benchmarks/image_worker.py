"""One image moved by ``ecr_client``: ``python -m benchmarks.image_worker '<json>'``.

Prints as JSON how long the call took in a process that has imported everything and made another
call, and by how much the process has grown meanwhile.
"""

import json
import sys
import time

from benchmarks.worker import forget_peak, peak, rss


def main():
    """Move the image that the argument describes."""
    task = json.loads(sys.argv[1])
    from benchmarks.sides import KEYS, REGION
    from ecr_client import Credentials, ECRClient
    from ecr_client.images import copy_image, pull_image, push_image

    with ECRClient(
        region=REGION, endpoint=task["endpoint"], credentials=Credentials(*KEYS)
    ) as client:
        client.describe_repositories()
        moves = {
            "push": lambda: push_image(client, task["source"], task["target"]),
            "pull": lambda: pull_image(client, task["source"], task["target"]),
            "copy": lambda: copy_image(client, task["source"], client, task["target"]),
        }
        move = moves[task["work"]]
        for _ in range(1, task["times"]):
            move()
        before = rss()
        forget_peak()
        began = time.perf_counter()
        move()
        wall = time.perf_counter() - began
    print(json.dumps({"wall": wall, "peak_growth": peak() - before}))


if __name__ == "__main__":
    main()
