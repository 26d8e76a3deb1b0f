#!/bin/sh
# Creates the role and the database. The PostgreSQL image runs this script once, when the volume is empty.
set -eu

psql --no-psqlrc --set ON_ERROR_STOP=1 --set password="$BANTER_PASSWORD" --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
CREATE ROLE banter LOGIN PASSWORD :'password';
CREATE DATABASE banter OWNER banter TEMPLATE template0 ENCODING 'UTF8';
SQL
