"""The tables and indexes, and the number that tells versions of the data folder apart."""

from __future__ import annotations

#: Grows with every change of the tables or of the layout of the folder.
VERSION = 1
#: Marks an SQLite file as ours ("ecrL").
APPLICATION = 0x6563724C

#: An image's children are the manifests that an index lists.
TABLES = """
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE documents (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account, region, kind, key)
) WITHOUT ROWID;

CREATE TABLE repositories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at REAL NOT NULL,
    tag_mutability TEXT NOT NULL,
    exclusion_filters TEXT NOT NULL,
    scan_on_push INTEGER NOT NULL,
    encryption_type TEXT NOT NULL,
    kms_key TEXT,
    UNIQUE (account, region, name)
);

CREATE TABLE layers (
    repository INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;

CREATE TABLE images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    pushed_at REAL NOT NULL,
    pulled_at REAL,
    subject TEXT,
    artifact_type TEXT,
    config_media_type TEXT,
    annotations TEXT NOT NULL,
    children TEXT NOT NULL,
    status TEXT NOT NULL,
    archived_at REAL,
    activated_at REAL,
    UNIQUE (repository, digest)
);

CREATE TABLE tags (
    repository INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    PRIMARY KEY (repository, tag)
) WITHOUT ROWID;

CREATE TABLE image_layers (
    image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    repository INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (image, digest)
) WITHOUT ROWID;

CREATE TABLE image_children (
    image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    repository INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (image, digest)
) WITHOUT ROWID;

CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    repository INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    started_at REAL NOT NULL,
    received INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    smallest INTEGER,
    last INTEGER
) WITHOUT ROWID;
"""

#: Created at every start, so that a folder of an earlier release gets those that it lacks.
INDEXES = """
CREATE INDEX IF NOT EXISTS documents_by_key ON documents (account, region, key);
CREATE INDEX IF NOT EXISTS images_by_subject ON images (repository, subject)
    WHERE subject IS NOT NULL;
CREATE INDEX IF NOT EXISTS tags_by_image ON tags (image);
CREATE INDEX IF NOT EXISTS image_layers_by_digest ON image_layers (repository, digest);
CREATE INDEX IF NOT EXISTS image_children_by_digest ON image_children (repository, digest);
CREATE INDEX IF NOT EXISTS uploads_by_repository ON uploads (repository);
CREATE INDEX IF NOT EXISTS images_in_order ON images (repository, id);
"""
