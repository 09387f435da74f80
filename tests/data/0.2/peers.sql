BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'peers','create_peers','2026-11-29 14:39:08.025958+00:00');
CREATE TABLE allowance (
    device TEXT PRIMARY KEY,
    remaining INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    taken INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE claimed (ticket TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE device (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "device" VALUES('0000000000000000','{"device":"0000000000000000","name":"South","active":true}');
CREATE TABLE disowned (entry INTEGER PRIMARY KEY REFERENCES entry (id));
CREATE TABLE disowning (device TEXT PRIMARY KEY, counts_until TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    body TEXT NOT NULL,
    act TEXT GENERATED ALWAYS AS (json_extract(body, '$.act')) VIRTUAL,
    ticket TEXT GENERATED ALWAYS AS (json_extract(body, '$.ticket')) VIRTUAL,
    ordinal INTEGER GENERATED ALWAYS AS (json_extract(body, '$.ordinal')) VIRTUAL,
    UNIQUE (origin, seq, hash)
);
INSERT INTO "entry" VALUES(1,'0000000000000000.ab',1,X'F4A319535C9EC2FB271C6D6F960F7D6EB504590C2032FC2DE68AA85DA215DAF7','{"origin":"0000000000000000.ab","seq":1,"prev":"","act":"admission","at_ms":1798000000001,"boot_ms":1,"hlc":117833728000000001,"gate":"North","ticket":"good-7","outcome":"admit","uses":1,"persons":1,"ordinal":0}');
INSERT INTO "entry" VALUES(2,'0000000000000000.ab',2,X'5806F3810963D7D6208B65655E96F53318594745DC5F9AF49E8EBEF27302C8F3','{"origin":"0000000000000000.ab","seq":2,"prev":"f4a319535c9ec2fb271c6d6f960f7d6eb504590c2032fc2de68aa85da215daf7","act":"admission","at_ms":1798000000002,"boot_ms":2,"hlc":117833728000000002,"gate":"North","ticket":"0000-0","outcome":"admit","uses":1,"persons":1,"ordinal":0}');
INSERT INTO "entry" VALUES(3,'0000000000000000.ab',3,X'7CBCB2EA8B51BF1EB8752D7527624BC43F1B883A3457CCB2CC5CD4C83463D701','{"origin":"0000000000000000.ab","seq":3,"prev":"5806f3810963d7d6208b65655e96f53318594745dc5f9af49e8ebef27302c8f3","act":"admission","at_ms":1798000000003,"boot_ms":3,"hlc":117833728000000003,"gate":"North","ticket":"0000-1","outcome":"admit","uses":1,"persons":1,"ordinal":0}');
CREATE TABLE origin (
    origin TEXT PRIMARY KEY,
    follows TEXT NOT NULL,
    prev TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "origin" VALUES('0000000000000000.ab','','');
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    bringer TEXT NOT NULL,
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    reason TEXT NOT NULL,
    hash TEXT NOT NULL,
    UNIQUE (bringer, hash)
);
CREATE TABLE receipt (
    origin TEXT NOT NULL,
    hash TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (origin, hash)
) WITHOUT ROWID;
CREATE TABLE signed_tip (
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (origin, seq, hash)
) WITHOUT ROWID;
INSERT INTO "signed_tip" VALUES('0000000000000000.ab',3,'7cbcb2ea8b51bf1eb8752d7527624bc43f1b883a3457ccb2cc5cd4c83463d701','c5c811f41a9361da13042de63b5e6110f4eb20a4ed45f0f3722f71100453b522dbb0c62b2dea66f1925b5b1eb6004f443df44df99c70d0a5f707f95e11820309');
CREATE TABLE state (
    ticket TEXT PRIMARY KEY,
    used INTEGER NOT NULL,
    inside INTEGER NOT NULL,
    redemptions INTEGER NOT NULL,
    first INTEGER REFERENCES entry (id),
    last INTEGER REFERENCES entry (id)
) WITHOUT ROWID;
INSERT INTO "state" VALUES('0000-0',1,1,1,2,2);
INSERT INTO "state" VALUES('0000-1',1,1,1,3,3);
INSERT INTO "state" VALUES('good-7',1,1,1,1,1);
CREATE TABLE store (id TEXT NOT NULL, is_complete INTEGER NOT NULL);
INSERT INTO "store" VALUES('5eca12c82e0d733d',0);
CREATE TABLE taken_back (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE tally (
    device TEXT NOT NULL,
    minute INTEGER NOT NULL,
    gate TEXT NOT NULL,
    zone TEXT NOT NULL,
    ticket_type TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    operator TEXT NOT NULL,
    entries INTEGER NOT NULL,
    admitted INTEGER NOT NULL,
    exited INTEGER NOT NULL,
    annulled INTEGER NOT NULL,
    PRIMARY KEY (device, minute, gate, zone, ticket_type, outcome, reason, operator)
) WITHOUT ROWID;
INSERT INTO "tally" VALUES('0000000000000000',29966666,'North','','','admit','','',3,3,0,0);
CREATE TABLE tip (
    origin TEXT NOT NULL,
    hash BLOB NOT NULL,
    seq INTEGER NOT NULL,
    hlc INTEGER NOT NULL,
    PRIMARY KEY (origin, hash)
) WITHOUT ROWID;
INSERT INTO "tip" VALUES('0000000000000000.ab',X'7CBCB2EA8B51BF1EB8752D7527624BC43F1B883A3457CCB2CC5CD4C83463D701',3,117833728000000003);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX entry_facts ON entry (ticket) WHERE act IN ('admission', 'exit', 'annulment');
CREATE INDEX entry_resolutions ON entry (ticket) WHERE act = 'resolution';
CREATE INDEX entry_lanes ON entry (origin) WHERE act IN ('lane_opened', 'lane_closed');
CREATE INDEX entry_retirements ON entry (id) WHERE act IN ('retirement', 'reinstatement');
CREATE VIEW counted AS SELECT * FROM entry
    WHERE NOT EXISTS (SELECT 1 FROM disowned WHERE disowned.entry = entry.id);
CREATE INDEX entry_undos ON entry (ticket) WHERE act = 'annulment';
COMMIT;
