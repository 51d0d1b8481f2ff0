"""`python -m cluster.stream.resume 3 7`: on a node of a cluster, go on with partitions that too many dead letters halted.

Without numbers it says which are halted, and why. What was halted is tried again from where it stands: mend the cause first.
"""

import argparse

import ray

from cluster.stream.actors import NAMESPACE, SUPERVISOR


def main() -> None:
    """Tell the supervisor, who tells the owners."""
    parser = argparse.ArgumentParser(prog="python -m cluster.stream.resume", description=__doc__)
    parser.add_argument("partitions", type=int, nargs="*", help="numbers of partitions of rayce.events")
    parser.add_argument("--address", default="auto", help="of the Ray cluster; `ray` in .rayce/cluster.json")
    options = parser.parse_args()
    ray.init(address=options.address, namespace=NAMESPACE, log_to_driver=False)
    supervisor = ray.get_actor(SUPERVISOR, NAMESPACE)
    if options.partitions:
        ray.get(supervisor.resume.remote(options.partitions), timeout=30)
    else:
        for partition, reason in sorted(ray.get(supervisor.halted.remote(), timeout=30).items()):
            print(f"{partition}: {reason}")


if __name__ == "__main__":
    main()
