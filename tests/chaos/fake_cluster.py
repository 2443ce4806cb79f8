"""Two nodes of two GPUs each, as far as Ray knows: torch finds none, so that runs train on CPUs.

A program: it prints the cluster's address, and a line for each order that it has read and done.
"""

import sys

from ray.cluster_utils import Cluster

NODE = {"num_cpus": 3, "num_gpus": 2, "object_store_memory": 80 << 20}

if __name__ == "__main__":
    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
    others = [cluster.add_node(**NODE)]
    sys.stdout.write(f"{cluster.address}\n")
    sys.stdout.flush()
    for order in sys.stdin:
        if order == "remove\n":
            cluster.remove_node(others.pop(), allow_graceful=False)
        else:
            others.append(cluster.add_node(**NODE))
        sys.stdout.write("done\n")
        sys.stdout.flush()
    cluster.shutdown()
