"""config.truststore, and its use in config.setup_runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from config import setup_runtime
from config.runtime import Java
from config.truststore import PASSWORD, java_keystore, trusted_certificates

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_java_reads_every_certificate_of_the_store(spark: SparkSession) -> None:
    certificates = trusted_certificates()[:3]
    if not certificates:
        pytest.skip("this machine has no bundle of certificates")
    jvm: Any = spark._jvm
    store = jvm.java.security.KeyStore.getInstance("JKS")
    gateway = spark.sparkContext._gateway
    assert gateway is not None
    password = gateway.new_array(jvm.char, len(PASSWORD))
    for index, letter in enumerate(PASSWORD):
        password[index] = letter
    store.load(jvm.java.io.ByteArrayInputStream(java_keystore(certificates)), password)
    read = [bytes(store.getCertificate(f"ca-{index}").getEncoded()) for index in range(store.size())]
    assert read == certificates


def test_the_java_from_pypi_trusts_whom_the_machine_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_runtime, "trusted_certificates", lambda: [b"a certificate"])
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", "-Da=b")
    options = setup_runtime._trust_options(Java(Path("/java"), None, 25, ".runtime/java"), tmp_path)[
        "SPARK_SUBMIT_OPTS"
    ]
    assert options.startswith(f"-Da=b -Djavax.net.ssl.trustStore={tmp_path / 'trusted.jks'} ")
    assert (tmp_path / "trusted.jks").read_bytes() == java_keystore([b"a certificate"])


def test_a_java_of_the_machine_keeps_its_own_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_runtime, "trusted_certificates", lambda: [b"a certificate"])
    assert setup_runtime._trust_options(Java(Path("/java"), None, 17, "PATH"), tmp_path) == {}
