"""The peers' programs. They run in the environment `.venv-peers`, and import nothing of ours.

Each enqueues no-op tasks when it is started as a module with their number; its worker is started by the peer's own
command. The servers are named by `BENCH_DATABASE_URL` and `BENCH_BROKER_URL`.
"""
