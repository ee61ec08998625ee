"""A head without a core, and a worker that comes when it is asked for: a cluster of its own."""

import io
import threading

import ray
from ray.cluster_utils import Cluster
from rich.console import Console

from al_ray.cluster.access.first_worker import await_worker
from al_ray.errors import UserError

cluster = Cluster(True, head_node_args={"num_cpus": 0, "include_dashboard": False})
ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
said = io.StringIO()
try:
    await_worker(Console(file=said), patience=1.0)
except UserError as error:
    print(f"refused: {error}")

waiting = threading.Thread(target=await_worker, args=(Console(file=said), 120.0))
waiting.start()
waiting.join(1.0)
print(f"waits: {waiting.is_alive()}")
cluster.add_node(num_cpus=1, num_gpus=1)
waiting.join(120)
print(f"waits: {waiting.is_alive()}")
print(f"GPUs: {ray.cluster_resources().get('GPU')}")

said.truncate(0)
await_worker(Console(file=said), 120.0)
print(f"says nothing more: {not said.getvalue().strip(chr(0))}")
ray.shutdown()
cluster.shutdown()
