#!/bin/sh
# The pipeline's role may replicate and owns its database, and is no superuser. Runs once, when the data folder is empty.
set -eu
psql -v ON_ERROR_STOP=1 -v role="$MILLRACE_PG_USER" -v password="$MILLRACE_PG_PASSWORD" -v database="$MILLRACE_PG_DATABASE" -U postgres -d postgres <<'SQL'
CREATE ROLE :"role" WITH LOGIN REPLICATION CREATEDB PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"role";
SQL
