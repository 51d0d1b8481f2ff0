"""What every node's environment must hold before Ray starts there; `cluster.yaml` says the same (a test compares them)."""

RAY_ENVIRONMENT: dict[str, str] = {
    # HAProxy in front of the replicas instead of a Python proxy: 4,550 against 900 empty requests a second.
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    # gRPC between deployments and user code on the main loop: 9,100/s. Nothing of ours blocks the loop.
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # HAProxy's own metrics and its other threads cost more than they give on two cores: 10,900/s.
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    # Autoscaling metrics in small portions: p99 7.0 → 2.3 ms.
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "20",
    # A connection on which nobody says anything: an hour would let a few thousand of them keep everybody else out.
    "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": "90",
    # One person's requests go to one replica, which has kept what it knows of them (cluster/haproxy_frontend.cfg).
    "RAY_SERVE_HAPROXY_BALANCE_ALGORITHM": "hash var(txn.rayce_who)",
    # A replica that dies mid-request: ask another one. Safe, as every call may be repeated (events by their event_id).
    "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
    "RAY_SERVE_HAPROXY_RETRIES": "3",
    # One refused connection is enough to leave a dead replica alone until its health check passes again.
    "RAY_SERVE_HAPROXY_OBSERVE_ERROR_LIMIT": "1",
    "RAY_SERVE_HAPROXY_HEALTH_CHECK_INTER": "1s",
    # After a failed check the next ones come, and must be answered, within this. Its default of 250 ms and two failures
    # (1.25 s) take a replica that is merely busy for dead; when all are, everything goes through the slow Python proxy. A dead
    # one is noticed by the first refused connection anyway, this is for one that hangs.
    "RAY_SERVE_HAPROXY_HEALTH_CHECK_FASTINTER": "500ms",
    "RAY_SERVE_HAPROXY_HEALTH_CHECK_FALL": "4",
    # The edge answers before Ray's own part of a replica, which costs more than a look-up (docs/decisions/0015).
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "deployments.before_ray:middlewares",
    # A dead HAProxy is replaced once three checks in a row have failed: 28 s of nothing at Serve's ten seconds each.
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    # A busy machine takes longer than five seconds to start it, and whoever is killed for that has to start anew.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "30",
    # Ray starts workers at nice 15: behind every other process of the machine, the stores included.
    "RAY_worker_niceness": "0",
    # Replicas that are stopped may go as soon as their requests are done.
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
    # ray.init would otherwise write a token file; the dashboard listens on loopback only.
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
}
