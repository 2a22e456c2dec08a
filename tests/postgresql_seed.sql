-- What a real PostgreSQL server has that a backup can lose, for PostgreSQL 15 and newer.
-- Run by the bootstrap superuser in the database to be dumped; :ballast is its rows of 4 kB.
\set ON_ERROR_STOP on
BEGIN;

CREATE ROLE readers NOLOGIN;
CREATE ROLE "App User" LOGIN PASSWORD 'correct horse' CONNECTION LIMIT 7 VALID UNTIL '2099-01-01 00:00+00';
CREATE ROLE lonely LOGIN PASSWORD 'owns nothing';
GRANT readers TO "App User" WITH ADMIN OPTION;
ALTER ROLE "App User" SET statement_timeout = '5min';

CREATE SCHEMA "Odd.Schema" AUTHORIZATION "App User";
CREATE SCHEMA reading;
CREATE TYPE mood AS ENUM ('good', 'so ''so''', 'bad');
CREATE TYPE pair AS (x int, t text);
CREATE DOMAIN positive AS numeric CHECK (VALUE > 0);

-- The table that writers work on.
CREATE TABLE moving (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    n int NOT NULL DEFAULT 0,
    note text,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO moving (note) SELECT 'row ' || n FROM generate_series(1, 2000) AS n;
CREATE SEQUENCE invoice_numbers START 1000 INCREMENT 5;
CREATE SEQUENCE countdown INCREMENT -3 START 1000000 MINVALUE -1000000000 MAXVALUE 1000000;
CREATE SEQUENCE untouched;
SELECT nextval('invoice_numbers'), nextval('countdown');

-- Enough data for a dump to take its time; it does not compress well.
CREATE TABLE ballast (id int PRIMARY KEY, content text NOT NULL);
INSERT INTO ballast
SELECT n, (SELECT string_agg(md5((n * 1000 + k)::text), '') FROM generate_series(1, 128) AS k)
FROM generate_series(1, :ballast) AS n;

-- Values that lose something where text, order or precision are not looked after.
CREATE TABLE odd_values (
    id serial PRIMARY KEY,
    f float8, g real, n numeric, j jsonb, js json, a int[], m text[][], b bytea,
    ts timestamptz, i interval, r int4range, bits bit varying, u uuid, feeling mood, pos positive
);
INSERT INTO odd_values (f, g, n, j, js, a, m, b, ts, i, r, bits, u, feeling, pos) VALUES
    ('NaN', 'Infinity', 'NaN', '{"b": [1, null, "☂"], "a": {}}', '{"k": 1, "k":  2}', '{1,NULL,3}',
     '{{a,"b c"},{NULL,"\"q\""}}', '\x00ff5c27', '2024-02-29 23:59:59.999999+05:30',
     '1 year -2 mons 3 days 04:05:06.7', '[1,10)', B'0101', '00000000-0000-0000-0000-000000000001',
     'so ''so''', 0.1),
    ('-0', '-0', 123456789012345678901234567890.123456789, '[]', '[]', '{}', '{}', '', 'infinity',
     '-1 day', 'empty', B'', NULL, 'bad', 1e20),
    (0.1 + 0.2::float8, 3.4e38, '-Infinity', 'null', 'null', NULL, NULL, NULL, NULL, NULL, '(,)',
     NULL, NULL, NULL, NULL);

-- Names that are easily taken for something else.
CREATE TABLE x (x int, t text);
INSERT INTO x VALUES (1, 'one'), (1, 'one'), (NULL, NULL);
CREATE TABLE t (t pair);
INSERT INTO t VALUES (ROW(1, 'a,b')), (NULL), (ROW(NULL, ''));
CREATE TABLE "Odd.Schema"."it's ""quoted""" ("select" int, "Column ""x""" text, gone int);
INSERT INTO "Odd.Schema"."it's ""quoted""" VALUES (1, E'tab\tnewline\nbackslash\\', 1), (2, '\N', 2);
ALTER TABLE "Odd.Schema"."it's ""quoted""" DROP COLUMN gone;
ALTER TABLE "Odd.Schema"."it's ""quoted""" OWNER TO "App User";
CREATE TABLE reading.empty (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE reading.no_columns ();
INSERT INTO reading.no_columns SELECT FROM generate_series(1, 3);
CREATE UNLOGGED TABLE reading.unlogged AS SELECT 1 AS one;

CREATE TABLE events (at date NOT NULL, kind int NOT NULL, note text) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_2025 PARTITION OF events
    FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY HASH (kind);
CREATE TABLE events_2025_0 PARTITION OF events_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE events_2025_1 PARTITION OF events_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO events SELECT date '2024-01-01' + n, n % 7, md5(n::text) FROM generate_series(0, 720) AS n;

CREATE MATERIALIZED VIEW by_kind AS SELECT kind, count(*) AS events FROM events GROUP BY kind;
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS one WITH NO DATA;
CREATE VIEW reading.recent WITH (security_barrier) AS SELECT * FROM events WHERE at > '2025-06-01';

SELECT lo_from_bytea(4711, decode(repeat('00ff', 5000), 'hex')), lo_from_bytea(4712, '');
GRANT SELECT ON LARGE OBJECT 4711 TO readers;
ALTER LARGE OBJECT 4712 OWNER TO "App User";

CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.note := trim(NEW.note);
    RETURN NEW;
END
$$;
CREATE TRIGGER moving_trim BEFORE UPDATE ON moving FOR EACH ROW EXECUTE FUNCTION note_change();
ALTER TABLE x ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON x FOR SELECT TO readers USING (x > 0);
GRANT USAGE ON SCHEMA reading TO readers;
GRANT SELECT ON moving, reading.recent TO readers;
GRANT UPDATE (note) ON moving TO "App User";
ALTER DEFAULT PRIVILEGES IN SCHEMA reading GRANT SELECT ON TABLES TO readers;
COMMENT ON TABLE moving IS 'it''s what changes';
COMMIT;
