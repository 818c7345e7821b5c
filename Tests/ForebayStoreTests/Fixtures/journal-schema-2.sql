-- A journal of a Forebay that doesn't exist yet: another schema, the same mark.
PRAGMA application_id = 1178749516;
PRAGMA user_version = 2;
CREATE TABLE messages (id INTEGER PRIMARY KEY, everything_else BLOB NOT NULL) STRICT;
INSERT INTO messages VALUES (1, x'01');
