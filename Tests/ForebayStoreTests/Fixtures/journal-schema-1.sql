-- A journal as Forebay 0.1 wrote it, schema 1. Never change this file: every later Forebay must be able to
-- go on with it. To look at it: sqlite3 journal.db <journal-schema-1.sql
PRAGMA application_id = 1178749516;
PRAGMA user_version = 1;
CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  received_at_ms INTEGER NOT NULL,
  tag BLOB NOT NULL,
  sequence INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  extensions BLOB,
  payload BLOB NOT NULL
) STRICT;
CREATE TABLE journal (highest_deleted_id INTEGER NOT NULL) STRICT;
INSERT INTO journal VALUES (0);
CREATE TRIGGER ids_never_return AFTER DELETE ON messages
WHEN NOT EXISTS (SELECT 1 FROM messages WHERE id > old.id)
BEGIN
  UPDATE journal SET highest_deleted_id = max(highest_deleted_id, old.id);
END;
INSERT INTO messages VALUES
  (1, 1764000000000, x'00112233445566778899aabbccddeeff', 1, 0, NULL, CAST('first' AS BLOB)),
  (2, 1764000000001, x'00112233445566778899aabbccddeeff', 2, 3, x'010000016b000000', CAST('second' AS BLOB)),
  (3, 1764000000002, x'00112233445566778899aabbccddeeff', 3, 0, NULL, x''),
  (4, 1764000000003, x'00112233445566778899aabbccddeeff', 4, 0, NULL, CAST('deleted' AS BLOB));
DELETE FROM messages WHERE id = 4;
