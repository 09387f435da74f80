BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'journal','create_journal','2026-11-22 15:18:46.849204+00:00');
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    body TEXT NOT NULL,
    act TEXT GENERATED ALWAYS AS (json_extract(body, '$.act')) VIRTUAL,
    ticket TEXT GENERATED ALWAYS AS (json_extract(body, '$.ticket')) VIRTUAL,
    ordinal INTEGER GENERATED ALWAYS AS (json_extract(body, '$.ordinal')) VIRTUAL,
    UNIQUE (origin, seq)
);
INSERT INTO "entry" VALUES(1,'bfeb0d91a5a6ac24.24aaaa67dfb17162',1,X'594D27310426910CE52E7D97CEB81297789F060F5CE97D1C0000574B8F2E0490','{"origin":"bfeb0d91a5a6ac24.24aaaa67dfb17162","seq":1,"prev":"","act":"lane_opened","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000000,"boot_id":"boot-1","version":"0.1.0","gate":"North","direction":"in"}');
INSERT INTO "entry" VALUES(2,'bfeb0d91a5a6ac24.24aaaa67dfb17162',2,X'92C2AC17C576EA0B96DB7E720FE3FC99999C40DF651FF3AC045D40A5B77C1EA7','{"origin":"bfeb0d91a5a6ac24.24aaaa67dfb17162","seq":2,"prev":"594d27310426910ce52e7d97ceb81297789f060f5ce97d1c0000574b8f2e0490","act":"admission","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000001,"gate":"North","direction":"in","ticket":"good-1","ticket_type":"SHOW","outcome":"admit","reason":"admitted","uses":1,"persons":1,"ordinal":0}');
INSERT INTO "entry" VALUES(3,'bfeb0d91a5a6ac24.24aaaa67dfb17162',3,X'03BA8AAA59DDF685635B3B6710E6D8FB48561A0F913FD97202E2AA6433B64F79','{"origin":"bfeb0d91a5a6ac24.24aaaa67dfb17162","seq":3,"prev":"92c2ac17c576ea0b96db7e720fe3fc99999c40df651ff3ac045d40a5b77c1ea7","act":"admission","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000002,"gate":"North","direction":"in","ticket":"good-2","ticket_type":"SHOW","outcome":"admit","reason":"admitted","uses":1,"persons":1,"ordinal":0}');
INSERT INTO "entry" VALUES(4,'bfeb0d91a5a6ac24.24aaaa67dfb17162',4,X'554DA7FF6B4101BEF0BD4ED0394E715696F7F92E0C5F3BF4300DC5F4D0A6DADE','{"origin":"bfeb0d91a5a6ac24.24aaaa67dfb17162","seq":4,"prev":"03ba8aaa59ddf685635b3b6710e6d8fb48561a0f913fd97202e2aa6433b64f79","act":"admission","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000003,"gate":"North","direction":"in","ticket":"pass-1","ticket_type":"PASS","outcome":"admit","reason":"admitted","uses":1,"persons":1,"ordinal":0}');
INSERT INTO "entry" VALUES(5,'bfeb0d91a5a6ac24.24aaaa67dfb17162',5,X'EE50AB26D015CBF3A5877D12F25324291983F39CE2CC2451802D59A4501224A1','{"origin":"bfeb0d91a5a6ac24.24aaaa67dfb17162","seq":5,"prev":"554da7ff6b4101bef0bd4ed0394e715696f7f92e0c5f3bf4300dc5f4d0a6dade","act":"refusal","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000004,"gate":"North","direction":"in","ticket":"void-1","ticket_type":"SHOW","outcome":"refuse","reason":"revoked"}');
INSERT INTO "entry" VALUES(6,'bfeb0d91a5a6ac24.24aaaa67dfb17162',6,X'53F041D73902FF25194D46CA5DF4D9F0EEC81C72545BABE2A1C09C523EA6AE52','{"origin":"bfeb0d91a5a6ac24.24aaaa67dfb17162","seq":6,"prev":"ee50ab26d015cbf3a5877d12f25324291983f39ce2cc2451802d59a4501224a1","act":"refusal","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000005,"gate":"North","direction":"in","code":"ff4d324275a913142cf0d65907eb35f9","outcome":"refuse","reason":"unknown"}');
INSERT INTO "entry" VALUES(7,'bfeb0d91a5a6ac24.24aaaa67dfb17162',7,X'E109A874657F22A47881B8248879F6934B04E51CF689E6028F3F04B48BD6A236','{"origin":"bfeb0d91a5a6ac24.24aaaa67dfb17162","seq":7,"prev":"53f041d73902ff25194d46ca5df4d9f0eec81c72545babe2a1c09c523ea6ae52","act":"annulment","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000006,"gate":"North","direction":"in","ticket":"pass-1","ticket_type":"PASS","target":"bfeb0d91a5a6ac24.24aaaa67dfb17162:4"}');
INSERT INTO "entry" VALUES(8,'bfeb0d91a5a6ac24.24aaaa67dfb17162',8,X'8071452AE219854528A10E1A9FF408ADACC0E6E34A2B7DE7BFA2A5F3EC0CA8F5','{"origin":"bfeb0d91a5a6ac24.24aaaa67dfb17162","seq":8,"prev":"e109a874657f22a47881b8248879f6934b04e51cf689e6028f3f04b48bd6a236","act":"lane_closed","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000007,"gate":"North","direction":"in"}');
CREATE TABLE state (
    ticket TEXT PRIMARY KEY,
    used INTEGER NOT NULL,
    inside INTEGER NOT NULL,
    redemptions INTEGER NOT NULL,
    first INTEGER REFERENCES entry (id),
    last INTEGER REFERENCES entry (id)
) WITHOUT ROWID;
INSERT INTO "state" VALUES('good-1',1,1,1,2,2);
INSERT INTO "state" VALUES('good-2',1,1,1,3,3);
INSERT INTO "state" VALUES('pass-1',0,0,1,NULL,NULL);
CREATE TABLE tally (
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
    PRIMARY KEY (minute, gate, zone, ticket_type, outcome, reason, operator)
) WITHOUT ROWID;
INSERT INTO "tally" VALUES(29966666,'North','','','lane_closed','','',1,0,0,0);
INSERT INTO "tally" VALUES(29966666,'North','','','lane_opened','','',1,0,0,0);
INSERT INTO "tally" VALUES(29966666,'North','','','refuse','unknown','',1,0,0,0);
INSERT INTO "tally" VALUES(29966666,'North','','PASS','admit','admitted','',1,0,0,1);
INSERT INTO "tally" VALUES(29966666,'North','','PASS','annulment','','',1,0,0,0);
INSERT INTO "tally" VALUES(29966666,'North','','SHOW','admit','admitted','',2,2,0,0);
INSERT INTO "tally" VALUES(29966666,'North','','SHOW','refuse','revoked','',1,0,0,0);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX entry_facts ON entry (ticket, ordinal)
    WHERE act IN ('admission', 'exit', 'annulment');
COMMIT;
