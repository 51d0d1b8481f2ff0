"""The local Redis Cluster: three masters and three replicas; a killed master's replica takes over; nothing is left behind."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from cluster.local.errors import ServerFailed, ServerUnavailable
from cluster.local.valkey import valkey_binary
from cluster.local.valkey_cluster import MASTERS, ValkeyCluster, wait_until


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    try:
        valkey_binary()
    except ServerUnavailable as reason:
        pytest.skip(str(reason))
    with ValkeyCluster(tmp_path_factory.mktemp("nodes") / "cluster", rng=random.Random(7)) as cluster:
        yield cluster


def test_three_masters_share_the_slots_and_each_has_a_replica(running: ValkeyCluster) -> None:
    masters = running.masters()
    assert len(masters) == MASTERS and len(running.nodes) == 2 * MASTERS
    assert [("connected_slaves:1" in node.ask("INFO", "replication")) for node in masters] == [True] * MASTERS
    assert {running.master_of(f"key {n}").port for n in range(50)} == {node.port for node in masters}


def test_a_client_of_the_cluster_reaches_all_of_it_from_one_address(running: ValkeyCluster) -> None:
    client = redis.RedisCluster.from_url(running.url)
    for n in range(100):
        client.set(f"n{n}", n)
    assert [int(client.get(f"n{n}") or -1) for n in range(100)] == list(range(100))
    client.close()


def test_when_a_master_is_killed_its_replica_takes_over_and_it_comes_back_as_one(running: ValkeyCluster) -> None:
    client = redis.RedisCluster.from_url(running.url)
    client.set("kept", "yes")
    client.execute_command("WAIT", 1, 5_000, target_nodes=client.get_node_from_key("kept"))
    client.close()
    killed = running.master_of("kept")
    killed.kill()
    wait_until("another node serves the slots", lambda: len(running.masters()) == MASTERS)
    running.wait_whole()
    heir = running.master_of("kept")
    assert heir.port != killed.port and heir.ask("GET", "kept") == "yes"
    killed.start()
    running.wait_whole()
    assert killed.port not in {node.port for node in running.masters()}


def test_nothing_runs_or_lies_about_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    with ValkeyCluster(folder, replicas=False) as cluster:
        processes = [node.process for node in cluster.nodes]
        assert len(processes) == MASTERS and folder.exists()
    assert not any(process is not None and process.alive() for process in processes)
    assert not folder.exists()


def test_what_does_not_become_true_in_time_is_an_error_that_says_what() -> None:
    with pytest.raises(ServerFailed, match="pigs fly"):
        wait_until("pigs fly", lambda: False, within_s=0)
