PRAGMA application_id = 1413967921;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
-- A policy of version 1 of the tables: the file of a daemon of that time, as sqlite3's .dump says it, and three of its settings.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('changed',1795736929210);
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
INSERT INTO setting VALUES('area_code','212');
INSERT INTO setting VALUES('assumed_call_minutes','3');
INSERT INTO setting VALUES('country','"US"');
INSERT INTO setting VALUES('durability','"strict"');
INSERT INTO setting VALUES('emergency','[]');
INSERT INTO setting VALUES('history_days','90');
INSERT INTO setting VALUES('log_numbers','"full"');
INSERT INTO setting VALUES('mode','"prevent"');
INSERT INTO setting VALUES('store_failure','"approve"');
INSERT INTO setting VALUES('time_zone','"America/New_York"');
CREATE TABLE firewall (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
INSERT INTO firewall VALUES('allow','"range"');
INSERT INTO firewall VALUES('bans','true');
INSERT INTO firewall VALUES('from_pbx','"web"');
INSERT INTO firewall VALUES('rtp','"10000-20000"');
INSERT INTO firewall VALUES('ssh','false');
INSERT INTO firewall VALUES('topology','"side"');
CREATE TABLE network (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
INSERT INTO network VALUES('address','"dhcp"');
INSERT INTO network VALUES('dhcp_server','true');
CREATE TABLE alerts (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
INSERT INTO alerts VALUES('digest','"07:30"');
INSERT INTO alerts VALUES('language','"en"');
INSERT INTO alerts VALUES('name','"Trunkguard"');
CREATE TABLE syslog (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
INSERT INTO syslog VALUES('calls','true');
INSERT INTO syslog VALUES('incidents','true');
INSERT INTO syslog VALUES('local','0');
INSERT INTO syslog VALUES('transport','"udp"');
CREATE TABLE metrics (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT, WITHOUT ROWID;
INSERT INTO metrics VALUES('access','"off"');
CREATE TABLE everybody (id INTEGER PRIMARY KEY CHECK (id = 1), rules TEXT NOT NULL CHECK (json_valid(rules))) STRICT;
INSERT INTO everybody VALUES(1,'{"allow":{"countries":["US","GB"]},"limits":{"simultaneous":2000,"per_minute":2000,"per_day":20000,"abroad":{"simultaneous":2000,"per_day":20000},"abroad_off_hours":{"simultaneous":2000,"per_day":20000}},"total":{"simultaneous":5000}}');
CREATE TABLE client (
        position INTEGER PRIMARY KEY, body TEXT NOT NULL CHECK (json_valid(body)),
        name TEXT NOT NULL UNIQUE GENERATED ALWAYS AS (body ->> 'name') STORED
    ) STRICT;
INSERT INTO client VALUES(0,'{"name":"version-1","addresses":["127.0.0.1"],"profile":"redirect","number_format":"dialled","prefix":"A00","contact_host":"via","retransmit":true}');
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
COMMIT;
