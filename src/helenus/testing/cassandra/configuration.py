"""The files and the command line that make a directory a node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from helenus.testing.cassandra.java import jvm_flags
from helenus.testing.cassandra.options import ClusterOptions

TOKENS = 16
REQUEST_TIMEOUT = "15s"
NODE_PROPERTY = "helenus.node"
_ERRORS_TOLD = 5

_LOGBACK = """\
<configuration scan="false">
  <appender name="FILE" class="ch.qos.logback.core.rolling.RollingFileAppender">
    <file>${cassandra.logdir}/system.log</file>
    <rollingPolicy class="ch.qos.logback.core.rolling.FixedWindowRollingPolicy">
      <fileNamePattern>${cassandra.logdir}/system.log.%i</fileNamePattern>
      <minIndex>1</minIndex>
      <maxIndex>2</maxIndex>
    </rollingPolicy>
    <triggeringPolicy class="ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy">
      <maxFileSize>20MB</maxFileSize>
    </triggeringPolicy>
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE"/></root>
</configuration>
"""


class NodeDirectory:
    """Where one node keeps everything.

    Attributes:
        path: the directory.
        number: of the node, from 1.
    """

    def __init__(self, cluster_directory: Path, number: int) -> None:
        self.number = number
        self.path = cluster_directory / f"node{number}"
        self.conf = self.path / "conf"
        self.data = self.path / "data"
        self.logs = self.path / "logs"
        self.system_log = self.logs / "system.log"
        self.output = self.logs / "output.log"
        self.process_file = self.path / "process.json"

    @property
    def marker(self) -> str:
        """The argument that tells this node's process from all others of the machine."""
        return f"-D{NODE_PROPERTY}={self.path}"

    def write_configuration(self, options: ClusterOptions) -> None:
        """Create the directory where it is missing and bring its files up to date."""
        for folder in (self.conf, self.data, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        # JSON is YAML.
        text = json.dumps(cassandra_yaml(self, options), indent=2)
        (self.conf / "cassandra.yaml").write_text(text + "\n", encoding="utf-8")
        (self.conf / "logback.xml").write_text(_LOGBACK, encoding="utf-8")

    def tail(self, lines: int = 20) -> str:
        """The end of what the node printed, or else of what it logged, with errors before it."""
        for path in (self.output, self.system_log):
            if path.exists():
                text = path.read_text(encoding="utf-8", errors="replace")
                telling = [line for line in text.splitlines() if not line.startswith("WARNING: ")]
                if telling:
                    before, end = telling[:-lines], telling[-lines:]
                    errors = [line for line in before if line.startswith("ERROR")]
                    return "\n".join([*errors[-_ERRORS_TOLD:], *end])
        return "(It has written nothing.)"


def cassandra_yaml(node: NodeDirectory, options: ClusterOptions) -> dict[str, Any]:
    """A node's settings: small caches, patient timeouts, Paxos v2, loopback only."""
    address = options.addresses[node.number - 1]
    seeds = [f"{seed}:{options.storage_port}" for seed in options.addresses]
    ours: dict[str, Any] = {
        "cluster_name": "helenus",
        # Each is a seed with tokens of its own: none has to be let into a ring by another, so they
        # start all at once and in any order, and each owns the same share.
        "num_tokens": TOKENS,
        "initial_token": ",".join(map(str, tokens(node.number, options.nodes))),
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": ",".join(seeds)}],
            }
        ],
        "endpoint_snitch": "SimpleSnitch",
        "listen_address": address,
        "rpc_address": address,
        "native_transport_port": options.native_port,
        "storage_port": options.storage_port,
        "data_file_directories": [str(node.data / "tables")],
        "commitlog_directory": str(node.data / "commitlog"),
        "hints_directory": str(node.data / "hints"),
        "saved_caches_directory": str(node.data / "saved_caches"),
        "cdc_raw_directory": str(node.data / "cdc_raw"),
        # An answer waits until the log is on disk. The product's default, "periodic", does not: it
        # marks the log's end ten times a second, and what was written and acknowledged after the
        # last mark is lost when the process is killed. That is no fault to blame a client for.
        "commitlog_sync": "batch",
        "commitlog_total_space": "256MiB",
        "auto_snapshot": False,
        "paxos_variant": "v2",
        # A cold Java is slow for minutes, and a slow answer must not look like a lost node.
        "request_timeout": REQUEST_TIMEOUT,
        "read_request_timeout": REQUEST_TIMEOUT,
        "range_request_timeout": REQUEST_TIMEOUT,
        "write_request_timeout": REQUEST_TIMEOUT,
        "counter_write_request_timeout": REQUEST_TIMEOUT,
        "cas_contention_timeout": REQUEST_TIMEOUT,
        "truncate_request_timeout": "60s",
        "slow_query_log_timeout": "5s",
        "memtable_heap_space": "128MiB",
        "memtable_offheap_space": "64MiB",
        "file_cache_size": "32MiB",
        "networking_cache_size": "16MiB",
        "key_cache_size": "8MiB",
        "concurrent_compactors": 1,
        "compaction_throughput": "0MiB/s",
    }
    merged = {**ours, **options.settings}
    return {name: value for name, value in merged.items() if value is not None}


def tokens(number: int, nodes: int) -> list[int]:
    """A node's places on the ring: all nodes' are spread evenly and take turns."""
    count = TOKENS * nodes
    return [2**64 * place // count - 2**63 for place in range(number - 1, count, nodes)]


def java_arguments(
    node: NodeDirectory, options: ClusterOptions, *, libraries: Path, major: int
) -> list[str]:
    """The command line of a node, after the ``java`` command itself.

    Args:
        node: its directory, configured.
        options: of the cluster.
        libraries: the folder of Cassandra's jars.
        major: version of Java.
    """
    properties = {
        NODE_PROPERTY: node.path,
        "cassandra.config": (node.conf / "cassandra.yaml").as_uri(),
        "cassandra.storagedir": node.data,
        "cassandra.logdir": node.logs,
        "logback.configurationFile": node.conf / "logback.xml",
        "cassandra.jmx.local.port": options.jmx_port + node.number - 1,
        "cassandra.ring_delay_ms": 2000,
        "cassandra.skip_wait_for_gossip_to_settle": 0,
        # Also the pause between two tries: with 0, a node that waits for others spins.
        "cassandra.superuser_setup_delay_ms": 500,
        "cassandra.consistent.rangemovement": "false",
        "java.io.tmpdir": node.data,
        "jna.tmpdir": node.data,
    }
    return [
        *jvm_flags(major, options.heap_mib),
        f"-javaagent:{libraries / 'jamm-0.4.0.jar'}",
        *(f"-D{name}={value}" for name, value in properties.items()),
        *options.jvm_options,
        "-cp",
        f"{node.conf}:{libraries}/*",
        "org.apache.cassandra.service.CassandraDaemon",
    ]
