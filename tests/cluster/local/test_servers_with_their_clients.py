"""The clients that rayce uses talk to every kind of server: the real ones and the stand-ins."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis
import yaml
from botocore.config import Config
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from cluster.local.stack import LocalStack

PARTITIONS = 3
TOPICS = {"events": PARTITIONS, "kept": 1}


@pytest.fixture(scope="module", params=["real", "embedded"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    if request.param == "real":
        request.getfixturevalue("java_servers")
    root: Path = tmp_path_factory.mktemp(request.param) / "root"
    with LocalStack(root, mode=request.param, topics=TOPICS) as running:
        if running.real:
            with_admin = KafkaAdminClient(**kafka_options(running))
            with_admin.create_topics([NewTopic(name, count, 1) for name, count in TOPICS.items()])
            with_admin.close()
        yield running


def settings(stack: LocalStack) -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(stack.settings_path.read_text())
    return tree


def kafka_options(stack: LocalStack) -> dict[str, Any]:
    found = settings(stack)["kafka"]
    version = found["api_version"]
    told = {"api_version": tuple(int(part) for part in version.split("."))} if version else {}
    return {"bootstrap_servers": found["bootstrap"], **told}


def dynamodb(stack: LocalStack) -> Any:
    found = settings(stack)["dynamodb"]
    return boto3.client(
        "dynamodb",
        endpoint_url=found["endpoint_url"],
        region_name=found["region"],
        aws_access_key_id=found["access_key_id"],
        aws_secret_access_key=found["secret_access_key"],
        config=Config(proxies={}),
    )


def new_table(client: Any) -> str:
    name = f"t-{uuid.uuid4().hex}"
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def produce(stack: LocalStack, topic: str, count: int) -> None:
    producer = KafkaProducer(**kafka_options(stack), acks="all")
    sent = [producer.send(topic, b"%d" % number, key=b"%d" % number) for number in range(count)]
    for future in sent:
        future.get(timeout=20)
    producer.close()


def consume(stack: LocalStack, topic: str, partitions: int, count: int, group: str) -> set[bytes]:
    """Read on from what the group has committed, and commit."""
    consumer = KafkaConsumer(
        **kafka_options(stack), group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    consumer.assign([TopicPartition(topic, number) for number in range(partitions)])
    values: set[bytes] = set()
    for _ in range(20):
        for records in consumer.poll(timeout_ms=500).values():
            values |= {record.value for record in records}
        if len(values) >= count:
            break
    consumer.commit()
    consumer.close()
    return values


def test_kafka_gives_back_what_was_sent_and_goes_on_after_the_commit(stack: LocalStack) -> None:
    produce(stack, "events", 200)
    group = uuid.uuid4().hex
    assert consume(stack, "events", PARTITIONS, 200, group) == {b"%d" % number for number in range(200)}
    produce(stack, "events", 1)
    assert consume(stack, "events", PARTITIONS, 1, group) == {b"0"}


def test_kafka_has_the_topics_with_the_partitions_that_were_asked_for(stack: LocalStack) -> None:
    consumer = KafkaConsumer(**kafka_options(stack))
    assert consumer.partitions_for_topic("events") == set(range(PARTITIONS))
    consumer.close()


def test_kafka_shares_a_topic_out_to_the_members_of_a_group(stack: LocalStack) -> None:
    options = {**kafka_options(stack), "group_id": uuid.uuid4().hex, "auto_offset_reset": "earliest"}
    consumer = KafkaConsumer("events", **options)
    for _ in range(40):
        consumer.poll(timeout_ms=250)
        if consumer.assignment():
            break
    assert {each.partition for each in consumer.assignment()} == set(range(PARTITIONS))
    consumer.close()


def test_dynamodb_refuses_a_put_whose_condition_fails(stack: LocalStack) -> None:
    client = dynamodb(stack)
    table = new_table(client)
    put = {"TableName": table, "Item": {"id": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(id)"}
    client.put_item(**put)
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        client.put_item(**put)


def test_dynamodb_writes_a_transaction_as_a_whole_or_not_at_all(stack: LocalStack) -> None:
    client = dynamodb(stack)
    table = new_table(client)

    def write(*ids: str) -> None:
        client.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": table,
                        "Item": {"id": {"S": each}},
                        "ConditionExpression": "attribute_not_exists(id)",
                    }
                }
                for each in ids
            ]
        )

    write("a", "b")
    with pytest.raises(client.exceptions.TransactionCanceledException):
        write("c", "b")
    assert {item["id"]["S"] for item in client.scan(TableName=table, ConsistentRead=True)["Items"]} == {"a", "b"}


def test_redis_keeps_a_bucket_of_five_hundred_users_in_its_compact_form(stack: LocalStack) -> None:
    with redis.Redis.from_url(settings(stack)["redis"]["url"]) as client:
        client.hset("bucket", mapping={f"user-{number}": b"12345678" for number in range(512)})
        assert client.object("encoding", "bucket") in (b"listpack", "listpack")


@pytest.mark.parametrize("name", ["redis", "kafka", "dynamodb"])
def test_every_server_listens_on_loopback_only(stack: LocalStack, name: str) -> None:
    [server] = [server for server in stack.status() if server.name == name]
    assert server.pid is not None
    addresses = listening(server.pid)
    assert addresses
    assert addresses <= {"0100007F", "0000000000000000FFFF00000100007F"}  # 127.0.0.1, also as IPv6 writes it


def listening(pid: int) -> set[str]:
    """The addresses, as the system writes them, on which a process accepts TCP connections."""
    links = []
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(str(handle.readlink()))
        except OSError:  # Closed meanwhile.
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in links:
                found.add(fields[1].partition(":")[0])
    return found


def fill(stack: LocalStack) -> tuple[str, Callable[[], None]]:
    """Put something into each server; returns the table, and a check that all of it is there."""
    client = dynamodb(stack)
    table = new_table(client)
    client.put_item(TableName=table, Item={"id": {"S": "kept"}})
    produce(stack, "kept", 10)
    url = settings(stack)["redis"]["url"]
    with redis.Redis.from_url(url) as connection:
        connection.set("kept", "yes")

    def check() -> None:
        with redis.Redis.from_url(url) as again:
            assert again.get("kept") == b"yes"
        assert consume(stack, "kept", 1, 10, uuid.uuid4().hex) == {b"%d" % number for number in range(10)}
        assert dynamodb(stack).get_item(TableName=table, Key={"id": {"S": "kept"}}, ConsistentRead=True)["Item"]

    return table, check


@pytest.mark.parametrize("how", ["stop", "kill"])
@pytest.mark.parametrize("stack", ["real"], indirect=True)
def test_the_real_servers_come_back_on_their_ports_with_their_data(stack: LocalStack, how: str) -> None:
    _, check = fill(stack)
    before = {server.name: server.port for server in stack.status()}
    for name in before:
        (stack.stop_server if how == "stop" else stack.kill_server)(name)
        assert [server.alive for server in stack.status() if server.name == name] == [False]
        stack.start_server(name)
    assert {server.name: server.port for server in stack.status()} == before
    check()


@pytest.mark.parametrize("stack", ["embedded"], indirect=True)
def test_the_stand_ins_forget_what_they_say_they_forget(stack: LocalStack) -> None:
    table, _ = fill(stack)
    stack.stop_server("dynamodb")
    stack.start_server("dynamodb")
    assert dynamodb(stack).get_item(TableName=table, Key={"id": {"S": "kept"}})["Item"]
    dynamodb(stack).put_item(TableName=table, Item={"id": {"S": "late"}})
    stack.kill_server("dynamodb")
    stack.start_server("dynamodb")
    assert "Item" not in dynamodb(stack).get_item(TableName=table, Key={"id": {"S": "late"}})
    stack.stop_server("kafka")
    stack.start_server("kafka")
    consumer = KafkaConsumer(**kafka_options(stack))
    kept = TopicPartition("kept", 0)
    assert consumer.end_offsets([kept]) == {kept: 0}
    consumer.close()
