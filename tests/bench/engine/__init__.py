"""
Our client of container engines beside aiodocker and docker-py.

Run as ``python -m tests.bench.engine``; ``pip install 'oci-twisted[bench]'`` brings the other two.

- `__main__`: one dockerd, rounds, and the table
- `worker`: one client, one row, in a process of its own
- `ours`, `aio`, `docker_py`: what is measured, as each client's own documentation does it
- `meter`: time, processor time and memory
"""
