//! The versions of the tables: each step makes one version out of the one before.
//!
//! A step is never changed once a release has it. It uses no type of the core: those go on changing,
//! and a step must do for ever what it did at first.

/// One version.
pub(super) struct Step {
    pub version: u32,
    pub sql: &'static str,
}

pub(super) const STEPS: &[Step] = &[
    Step {
        version: 1,
        sql: V1,
    },
    Step {
        version: 2,
        sql: V2,
    },
];

const V2: &str = "
    -- The same as `setting`, for [update].
    CREATE TABLE updating (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
";

const V1: &str = "
    -- `changed` is the time of the last edit, ms since 1970, and grows with every edit.
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('changed', 0);
    -- One row for each key of [settings]; a key that is missing has its default.
    CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
    -- The same for [firewall].
    CREATE TABLE firewall (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
    -- The same for [network].
    CREATE TABLE network (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
    -- The same for [alerts].
    CREATE TABLE alerts (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
    -- The same for [syslog] and [metrics].
    CREATE TABLE syslog (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
    CREATE TABLE metrics (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
    -- The rules for everybody.
    CREATE TABLE everybody (id INTEGER PRIMARY KEY CHECK (id = 1), rules TEXT NOT NULL CHECK (json_valid(rules))) STRICT;
    INSERT INTO everybody VALUES (1, '{}');
    CREATE TABLE client (
        position INTEGER PRIMARY KEY, body TEXT NOT NULL CHECK (json_valid(body)),
        name TEXT NOT NULL UNIQUE GENERATED ALWAYS AS (body ->> 'name') STORED
    ) STRICT;
    CREATE TABLE caller_group (
        position INTEGER PRIMARY KEY, body TEXT NOT NULL CHECK (json_valid(body)),
        name TEXT NOT NULL UNIQUE GENERATED ALWAYS AS (body ->> 'name') STORED
    ) STRICT;
    CREATE TABLE caller (
        position INTEGER PRIMARY KEY, body TEXT NOT NULL CHECK (json_valid(body)),
        name TEXT NOT NULL GENERATED ALWAYS AS (body ->> 'name') STORED,
        -- Empty for the callers of every client.
        client TEXT NOT NULL GENERATED ALWAYS AS (coalesce(body ->> 'client', '')) STORED,
        UNIQUE (name, client)
    ) STRICT;
    CREATE TABLE list (position INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE list_number (
        list INTEGER NOT NULL REFERENCES list ON DELETE CASCADE, position INTEGER NOT NULL, number TEXT NOT NULL,
        PRIMARY KEY (list, position)
    ) STRICT, WITHOUT ROWID;
";
