"""The files of an embedded ClickHouse: where they lie, its configuration, the passwords of its users."""

import hashlib
import os
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

import msgspec

from schemas.errors import UsageError
from schemas.files import naming
from schemas.foreign import read_bounded

DATABASE = "onlooker"
STORE = "clickhouse"
"""ClickHouse's own data; this and the following lie in the data directory."""
RUN = "clickhouse.run"
"""Configuration of the server process, its working directory."""
LOGS = "log"
CONNECTION = "connection.json"
"""How to reach the running server."""
MOST_BYTES = 64 * 1024
LOCK = "lock"
"""Held by the one process that owns the directory."""
CONFIG = """<clickhouse>
 <logger><level>warning</level><log>{logs}/clickhouse.log</log><errorlog>{logs}/clickhouse.errors.log</errorlog>
  <size>10M</size><count>2</count></logger>
 <listen_host>127.0.0.1</listen_host><tcp_port>{tcp_port}</tcp_port><http_port>{http_port}</http_port>
 <users_config>{run}/users.xml</users_config><timezone>UTC</timezone>
 <max_server_memory_usage>{memory_bytes}</max_server_memory_usage>
 <mark_cache_size>33554432</mark_cache_size><uncompressed_cache_size>0</uncompressed_cache_size>
 <index_mark_cache_size>8388608</index_mark_cache_size><mmap_cache_size>100</mmap_cache_size>
 <max_concurrent_queries>32</max_concurrent_queries><max_connections>64</max_connections>
 <background_pool_size>2</background_pool_size><background_schedule_pool_size>2</background_schedule_pool_size>
 <merge_tree><number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
  <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
  <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
 </merge_tree>
</clickhouse>
"""
USERS = """<clickhouse>
 <profiles><default><async_insert>0</async_insert><max_threads>2</max_threads></default>
  <analyst><readonly>2</readonly><max_threads>2</max_threads><max_execution_time>60</max_execution_time>
   <constraints>{fixed}</constraints></analyst>
 </profiles><quotas><default/></quotas>
 <users>
  <default><password></password><networks><ip>::1</ip></networks><profile>default</profile>
   <quota>default</quota><grants><query>GRANT SYSTEM LISTEN ON *.*</query>
    <query>GRANT SELECT ON system.numbers</query></grants></default>
  <onlooker><password_sha256_hex>{sink_sha256}</password_sha256_hex><networks><ip>127.0.0.1</ip></networks>
   <profile>default</profile><quota>default</quota></onlooker>
  <analyst><password_sha256_hex>{analyst_sha256}</password_sha256_hex><networks><ip>127.0.0.1</ip></networks>
   <profile>analyst</profile><quota>default</quota>
   <grants><query>GRANT SHOW, SELECT ON {database}.*</query>
    <query>REVOKE SELECT ON {database}.dead_letters</query>
    <query>REVOKE SELECT ON {database}.v_dead_letters</query></grants></analyst>
 </users>
</clickhouse>
"""
"""`default` has no password because the child itself logs in as it: it may listen and count, no more. The
analyst reads all but dead letters: nobody knows what somebody sends."""
FIXED = (
    "max_threads",
    "max_execution_time",
    "max_estimated_execution_time",
    "timeout_overflow_mode",
    "timeout_before_checking_execution_speed",
    "max_memory_usage",
    "max_memory_usage_for_user",
    "max_untracked_memory",
    "max_concurrent_queries_for_user",
    "max_network_bandwidth",
    "priority",
)
"""Settings by which a question would take more of the machine: the analyst has them as they are.

All others may be set with a question, as the clients of others do."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the server of a data directory: what `connection.json` holds, for its owner only."""

    host: Literal["127.0.0.1"] = "127.0.0.1"
    """Never another: a data directory does not say where passwords are sent."""
    tcp_port: int
    http_port: int
    database: str = DATABASE
    analyst_password: str
    onlooker_password: str
    pid: int


def write_private(path: Path, text: str) -> None:
    """Write a file at once, new or in place of another, that only its owner can read."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with (
        naming(path),
        os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file,
    ):
        file.write(text)
    draft.replace(path)


def write_configuration(data_dir: Path, connection: Connection, memory_bytes: int) -> None:
    """Write `config.xml` and `users.xml` for the server process of a data directory."""
    run = data_dir / RUN
    write_private(
        run / "config.xml",
        CONFIG.format(
            logs=escape(str(data_dir / LOGS)),
            run=escape(str(run)),
            tcp_port=connection.tcp_port,
            http_port=connection.http_port,
            memory_bytes=memory_bytes,
        ),
    )
    users = USERS.format(
        sink_sha256=_sha256(connection.onlooker_password),
        analyst_sha256=_sha256(connection.analyst_password),
        database=connection.database,
        fixed="".join(f"<{name}><const/></{name}>" for name in FIXED),
    )
    write_private(run / "users.xml", users)


def read_connection(data_dir: Path) -> Connection | None:
    """How to reach the server of a data directory; None while none has said that it is ready."""
    try:
        text = read_bounded(data_dir / CONNECTION, MOST_BYTES, "note of a server")
        return msgspec.json.decode(text, type=Connection)
    except (FileNotFoundError, UsageError, msgspec.DecodeError):
        return None


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
