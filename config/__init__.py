"""Settings, the Spark configuration, and the Java and jars that Spark runs on."""
