"""What the embedded broker is told: one KRaft node that is broker and controller, tuned for a laptop."""

from collections.abc import Mapping
from pathlib import Path

from infra.local.credentials import BROKER, SCRAM, SUPERUSERS

BODY_LIMIT = 2 * 1024 * 1024  # largest value of any topic, bytes
OVERHEAD = 128 * 1024  # key, headers and batch framing around it

JVM = ("-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-Djava.awt.headless=true")
QUICK = ("-XX:TieredStopAtLevel=1",)  # 10 to 15 s of processor less at first, half as much again later

LOG4J = """status=error
rootLogger.level=warn
rootLogger.appenderRef.f.ref=f
appender.f.type=Console
appender.f.name=f
appender.f.layout.type=PatternLayout
appender.f.layout.pattern=%d %p %c{1} %m%n
"""

FENCING_LOG4J = LOG4J + """logger.c.name=org.apache.kafka.controller
logger.c.level=info
"""


def server_properties(*, port: int, controller_port: int, data_dir: Path) -> dict[str, str]:
    """Properties of the broker that listens on 127.0.0.1:port and keeps its log in data_dir/log."""
    listeners = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}"
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller_port}",
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(data_dir / "log"),
        # One node: internal topics have one copy, and one partition, so that a restart has less to load.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        # A lone broker is never fenced for being slow: while its partitions have no leader, ends of transactions are
        # lost. After kill -9 it is fenced before it starts (fencing.py), so that it need not wait for this to run out.
        "broker.session.timeout.ms": "60000",
        "broker.heartbeat.interval.ms": "500",
        # Groups: no wait for more members, and sessions as short as the tests of zombies want them.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "group.consumer.min.session.timeout.ms": "3000",
        "group.consumer.session.timeout.ms": "6000",
        "group.consumer.min.heartbeat.interval.ms": "500",
        "group.consumer.heartbeat.interval.ms": "1000",
        # A transaction left open blocks every committed-only reader of its partitions until it is timed out.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "auto.create.topics.enable": "false",
        # The log is the truth and is kept; so are the positions of whoever stays away longer than the default week.
        "log.retention.ms": "-1",
        "log.retention.bytes": "-1",
        "offsets.retention.minutes": str(366 * 24 * 60),
        # A simulated or replayed clock may stamp records ahead of this machine's time.
        "log.message.timestamp.after.max.ms": str(2**63 - 1),
        "message.max.bytes": str(BODY_LIMIT + OVERHEAD),
        "replica.fetch.max.bytes": str(BODY_LIMIT + OVERHEAD),
        "log.segment.bytes": str(128 * 1024 * 1024),
        "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
        "log.cleaner.io.buffer.size": str(1024 * 1024),
        "log.cleaner.backoff.ms": "1000",
        "num.network.threads": "2",
        "num.io.threads": "2",
        "num.recovery.threads.per.data.dir": "2",
    }


def controller_properties(*, controller_port: int, data_dir: Path) -> dict[str, str]:
    """Properties of the same node as a controller alone, which soon takes the broker for dead."""
    node = server_properties(port=controller_port, controller_port=controller_port, data_dir=data_dir)
    kept = ("node.id", "controller.listener.names", "controller.quorum.bootstrap.servers", "log.dirs")
    return {name: node[name] for name in (*kept, "listener.security.protocol.map")} | {
        "process.roles": "controller",
        "listeners": f"CONTROLLER://127.0.0.1:{controller_port}",
        "broker.session.timeout.ms": "400",
        "broker.heartbeat.interval.ms": "100",
    }


def secured(
    properties: Mapping[str, str], passwords: Mapping[str, str], *, keystore: Path, truststore: Path
) -> dict[str, str]:
    """The same node behind TLS, passwords and access rights; `passwords` are those of the superusers.

    Superusers are named here and log in by PLAIN, so that neither formatting nor a folder that was used without
    security needs a user in the log. Everybody else is in the log, by SCRAM.
    """
    users = " ".join(f'user_{name}="{password}"' for name, password in passwords.items())
    plain = f'org.apache.kafka.common.security.plain.PlainLoginModule required username="{BROKER}" ' + (
        f'password="{passwords[BROKER]}" {users};'
    )
    made = {name: value.replace("PLAINTEXT://", "CLIENTS://") for name, value in properties.items()}
    return made | {
        "listener.security.protocol.map": "CONTROLLER:SASL_SSL,CLIENTS:SASL_SSL",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(truststore),
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": plain,
        "listener.name.clients.sasl.enabled.mechanisms": f"{SCRAM},PLAIN",
        "listener.name.clients.plain.sasl.jaas.config": plain,
        f"listener.name.clients.{SCRAM.lower()}.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": ";".join(f"User:{name}" for name in SUPERUSERS),
        "allow.everyone.if.no.acl.found": "false",
    } | ({"inter.broker.listener.name": "CLIENTS"} if "advertised.listeners" in properties else {})


def as_text(properties: dict[str, str]) -> str:
    """The properties as a file of Java's format; a backslash escapes, as in paths."""
    return "".join(f"{key}={value.replace(chr(92), chr(92) * 2)}\n" for key, value in properties.items())
