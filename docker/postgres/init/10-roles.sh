#!/bin/sh
# Tallylake's roles, logins and database. Run again, it finds them and sets the logins' passwords to what they now are.
#
# The image of Postgres runs it once, when its data is made. For a server of your own, run it as a superuser:
#   PGHOST=… TALLYLAKE_PASSWORD=… TALLYLAKE_API_PASSWORD=… [POSTGRES_SCHEMA=…] sh docker/postgres/init/10-roles.sh
#
#   tallylake_writer   role: changes rows          tallylake       login: owns the database, acts as either role
#   tallylake_reader   role: reads                 tallylake_api   login: acts as the reader
set -eu
: "${TALLYLAKE_PASSWORD:?is the password of the login tallylake}"
: "${TALLYLAKE_API_PASSWORD:?is the password of the login tallylake_api}"
export TALLYLAKE_PASSWORD TALLYLAKE_API_PASSWORD POSTGRES_SCHEMA="${POSTGRES_SCHEMA:-tallylake}"

# Read by psql itself: on its command line passwords would be seen in the list of processes, and in the log where
# statements are logged.
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
SET client_min_messages = warning;
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
\set password `printf %s "$TALLYLAKE_PASSWORD"`
\set schema `printf %s "${POSTGRES_SCHEMA:-tallylake}"`
\set api_password `printf %s "$TALLYLAKE_API_PASSWORD"`

SELECT format('CREATE ROLE %I', role)
FROM unnest(ARRAY['tallylake_writer', 'tallylake_reader', 'tallylake', 'tallylake_api']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec

ALTER ROLE tallylake LOGIN PASSWORD :'password';
ALTER ROLE tallylake_api LOGIN PASSWORD :'api_password';
ALTER ROLE tallylake_api SET default_transaction_read_only = on;
GRANT tallylake_writer, tallylake_reader TO tallylake;
GRANT tallylake_reader TO tallylake_api;

SELECT 'CREATE DATABASE tallylake OWNER tallylake'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'tallylake') \gexec

REVOKE ALL ON DATABASE tallylake FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE tallylake TO tallylake_writer;
GRANT CONNECT ON DATABASE tallylake TO tallylake_reader;

-- Where each looks for tables when it logs in by itself; the schema is made by what publishes.
SELECT format('ALTER ROLE %I IN DATABASE tallylake SET search_path = %I, public', role, :'schema')
FROM unnest(ARRAY['tallylake_writer', 'tallylake_reader', 'tallylake', 'tallylake_api']) AS role \gexec

\connect tallylake
ALTER SCHEMA public OWNER TO tallylake;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SQL
