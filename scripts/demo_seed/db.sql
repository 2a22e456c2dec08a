-- The feed reader's main database: what a real one has that a backup can lose. Tables with
-- keys, a view, sequences (one beyond its table), a second role with a password, ownership
-- and grants, a large object, jsonb, numerics, a trigger. Made once, in one transaction.
\set ON_ERROR_STOP on
\getenv reader_password DEMO_ROLE_PASSWORD

CREATE ROLE alt_readers NOLOGIN;
CREATE ROLE alt_appuser LOGIN PASSWORD :'reader_password';
GRANT alt_readers TO alt_appuser;

CREATE SCHEMA reading AUTHORIZATION alt_appuser;

CREATE TABLE feeds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL,
    url text NOT NULL UNIQUE,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL
);
CREATE TABLE articles (
    id bigserial PRIMARY KEY,
    feed_id bigint NOT NULL REFERENCES feeds (id),
    title text NOT NULL,
    body text,
    score numeric(12, 4) NOT NULL,
    tags text[] NOT NULL,
    published_at timestamptz NOT NULL
);
CREATE INDEX articles_by_date ON articles (feed_id, published_at DESC);
CREATE TABLE article_summaries (
    article_id bigint PRIMARY KEY REFERENCES articles (id),
    summary jsonb NOT NULL,
    cost numeric NOT NULL
);
CREATE TABLE attachments (
    article_id bigint NOT NULL REFERENCES articles (id),
    content oid NOT NULL
);
CREATE TABLE reading.reading_status (
    user_id uuid NOT NULL,
    article_id bigint NOT NULL,
    is_read boolean NOT NULL,
    PRIMARY KEY (user_id, article_id)
);
ALTER TABLE reading.reading_status OWNER TO alt_appuser;
CREATE SEQUENCE invoice_numbers START 1000 INCREMENT 5;

INSERT INTO feeds (title, url, settings, created_at)
SELECT 'Feed ' || n, 'https://feeds.example/' || n || '.xml',
       jsonb_build_object('interval_minutes', 15 * (1 + n % 4), 'paused', n % 17 = 0),
       timestamptz '2024-01-01 00:00+00' + n * interval '7 hours'
FROM generate_series(1, 400) AS n;

INSERT INTO articles (feed_id, title, body, score, tags, published_at)
SELECT 1 + n % 400, 'Article ' || n || E' – Über 記事 ☂',
       CASE WHEN n % 50 = 0 THEN NULL ELSE repeat(md5(n::text) || ' ', 1 + n % 20) END,
       (n * 7919 % 100000) / 997.0, ARRAY['tag' || n % 30, 'lang:' || (ARRAY['ja', 'en', 'de'])[1 + n % 3]],
       timestamptz '2025-01-01 00:00+00' + n * interval '11 minutes'
FROM generate_series(1, 30000) AS n;

INSERT INTO article_summaries
SELECT id, jsonb_build_object('text', left(body, 80), 'model', 'gemma', 'scores', jsonb_build_array(score, NULL, id)),
       (id * 31 % 1000003) / 1000000000.0
FROM articles WHERE id % 3 = 0;

INSERT INTO attachments
SELECT n * 100, lo_from_bytea(0, decode(repeat(md5(n::text), 200), 'hex')) FROM generate_series(1, 5) AS n;

INSERT INTO reading.reading_status
SELECT md5((n % 25)::text)::uuid, 1 + n % 30000, n % 2 = 0 FROM generate_series(1, 20000) AS n
ON CONFLICT DO NOTHING;

SELECT setval('invoice_numbers', 4995);

CREATE VIEW unread_articles AS
SELECT s.user_id, a.id, a.title, a.published_at
FROM reading.reading_status AS s JOIN articles AS a ON a.id = s.article_id WHERE NOT s.is_read;

CREATE FUNCTION note_title_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.title := trim(NEW.title);
    RETURN NEW;
END
$$;
CREATE TRIGGER articles_trim_title BEFORE UPDATE ON articles
    FOR EACH ROW EXECUTE FUNCTION note_title_change();

GRANT USAGE ON SCHEMA public TO alt_readers;
GRANT SELECT ON feeds, articles, article_summaries, unread_articles TO alt_readers;
GRANT SELECT, UPDATE ON articles TO alt_appuser;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO alt_readers;
COMMENT ON TABLE articles IS 'What the demo would be sorry to lose';
