"""One side of one benchmark in a process of its own: ``python -m benchmarks.worker '<json>'``.

Prints what it measured as JSON. Nothing is imported before the work begins that a side would not
import itself.
"""

import json
import os
import sys
import time


def rss():
    """Return how much memory the process holds, in bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak():
    """Return the most that the process has held since `forget_peak`, in bytes."""
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel does not report the peak: /proc/self/status has no VmHWM")


def forget_peak():
    """Reset the peak; Linux only."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def timed(action, count):
    """Return seconds of CPU and wall per action."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(count):
        action()
    return {
        "cpu": (time.process_time() - cpu) / count,
        "wall": (time.perf_counter() - wall) / count,
    }


def first_call(make, url, *, explicit):
    """Measure nothing here but memory: the parent measures the whole process."""
    made = make(url, explicit=explicit)
    assert len(made.describe_repositories()) == 1
    return {"rss": rss(), "modules": len(sys.modules)}


def second_client(make, url, *, count):
    """Measure making another client when everything is loaded."""
    kept = [make(url)]
    kept[0].describe_repositories()
    return timed(lambda: kept.append(make(url)), count)


def repeat(make, url, *, call, count):
    """Measure a call that has been made before."""
    made = make(url)
    action = getattr(made, call)
    for _ in range(max(2, count // 10)):
        assert len(action()) > 0
    return {**timed(action, count), "peak": peak()}


def paging(make, url, *, expected):
    """Measure paging to the end, and how the process grows on the way."""
    made = make(url)
    made.describe_repositories()
    before = rss()
    forget_peak()
    counted = []
    measured = timed(lambda: counted.append(made.count_images()), 1)
    assert counted == [expected]
    return {**measured, "rss_growth": peak() - before}


def upload(make, url, *, size, count):
    """Measure uploads of a part, and the memory that one needs above the part itself."""
    made = make(url)
    part = os.urandom(size)
    made.upload(b"warm")
    made.upload(part)
    before = rss()
    forget_peak()
    made.upload(part)
    above = peak() - before
    return {**timed(lambda: made.upload(part), count), "peak_per_part": above / size}


def download(make, url, *, small, large, count):
    """Measure downloads of a layer, and the memory that one needs above what was held before."""
    made = make(url)
    with open(os.devnull, "wb") as file:
        made.download(small, file)
        before = rss()
        forget_peak()
        made.download(large, file)
        above = peak() - before
        return {**timed(lambda: made.download(large, file), count), "peak_growth": above}


def threads(make, url, *, threads, calls):
    """Measure small calls from many threads on one client."""
    from concurrent.futures import ThreadPoolExecutor

    made = make(url)
    made.describe_repositories()

    def some(_):
        for _ in range(calls):
            made.describe_repositories()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(some, range(threads)))
        measured = timed(lambda: list(pool.map(some, range(threads))), 1)
    figures = {name: value / (threads * calls) for name, value in measured.items()}
    return {**figures, "peak": peak()}


def main():
    """Do the work that the argument describes."""
    task = json.loads(sys.argv[1])
    from benchmarks.sides import SIDES

    work = globals()[task["work"]]
    print(json.dumps(work(SIDES[task["side"]], task["url"], **task["arguments"])))


if __name__ == "__main__":
    main()
