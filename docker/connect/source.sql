-- What Debezium needs in the database whose changes it captures; run it there once as the owner of the tables, after
-- wal_level = logical and a restart. It is the administrator who gives the login:
--   CREATE ROLE debezium LOGIN REPLICATION PASSWORD '…';  GRANT SELECT ON ALL TABLES IN SCHEMA public TO debezium;

-- Beats on while nothing is sold, so that Postgres can let go of its log.
CREATE TABLE IF NOT EXISTS tallylake_heartbeat (one boolean PRIMARY KEY DEFAULT true CHECK (one), beat timestamptz NOT NULL);
INSERT INTO tallylake_heartbeat (beat) VALUES (now()) ON CONFLICT DO NOTHING;
GRANT SELECT, UPDATE ON tallylake_heartbeat TO debezium;

CREATE PUBLICATION tallylake FOR TABLE customers, products, orders, order_items, payments, tallylake_heartbeat;
