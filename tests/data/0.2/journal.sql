BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'journal','create_journal','2026-11-29 14:39:07.986957+00:00');
CREATE TABLE ended (
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    hlc INTEGER NOT NULL
);
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
INSERT INTO "entry" VALUES(1,'bfeb0d91a5a6ac24.84af03d3a805e8b8',1,X'797D2257447FFFBCBE92CD65624CDDF4D04F6AEE04264B5775C283B05F1C80BF','{"origin":"bfeb0d91a5a6ac24.84af03d3a805e8b8","seq":1,"prev":"","act":"lane_opened","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000000,"boot_id":"boot-1","version":"0.1.0","gate":"North","direction":"in"}');
INSERT INTO "entry" VALUES(2,'bfeb0d91a5a6ac24.84af03d3a805e8b8',2,X'B7EE362F7B7E3DB2DBC36DF6A09B973A611AB50E3CC83480FE024D72B2267D84','{"origin":"bfeb0d91a5a6ac24.84af03d3a805e8b8","seq":2,"prev":"797d2257447fffbcbe92cd65624cddf4d04f6aee04264b5775c283b05f1c80bf","act":"admission","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000001,"gate":"North","direction":"in","ticket":"good-1","ticket_type":"SHOW","outcome":"admit","reason":"admitted","uses":1,"persons":1,"ordinal":0,"position":"7bafaa2f:1"}');
INSERT INTO "entry" VALUES(3,'bfeb0d91a5a6ac24.84af03d3a805e8b8',3,X'67167D4432687264F27314928CCF514E9772864936D3704F66926955C9B651D1','{"origin":"bfeb0d91a5a6ac24.84af03d3a805e8b8","seq":3,"prev":"b7ee362f7b7e3db2dbc36df6a09b973a611ab50e3cc83480fe024d72b2267d84","act":"admission","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000002,"gate":"North","direction":"in","ticket":"good-2","ticket_type":"SHOW","outcome":"admit","reason":"admitted","uses":1,"persons":1,"ordinal":0,"position":"7bafaa2f:1"}');
INSERT INTO "entry" VALUES(4,'bfeb0d91a5a6ac24.84af03d3a805e8b8',4,X'AF92CFA70D04E54D40A4BE18E4681AD1DE5DE8A674441C062A797FB7CEB89519','{"origin":"bfeb0d91a5a6ac24.84af03d3a805e8b8","seq":4,"prev":"67167d4432687264f27314928ccf514e9772864936d3704f66926955c9b651d1","act":"admission","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000003,"gate":"North","direction":"in","ticket":"pass-1","ticket_type":"PASS","outcome":"admit","reason":"admitted","uses":1,"persons":1,"ordinal":0,"position":"7bafaa2f:1"}');
INSERT INTO "entry" VALUES(5,'bfeb0d91a5a6ac24.84af03d3a805e8b8',5,X'188B3D08C36ED00DBB74115626672C924221DEB6A6E8FF65D1EAE2A6061D4081','{"origin":"bfeb0d91a5a6ac24.84af03d3a805e8b8","seq":5,"prev":"af92cfa70d04e54d40a4be18e4681ad1de5de8a674441c062a797fb7ceb89519","act":"refusal","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000004,"gate":"North","direction":"in","ticket":"good-1","ticket_type":"SHOW","outcome":"refuse","reason":"already_used","position":"7bafaa2f:1"}');
INSERT INTO "entry" VALUES(6,'bfeb0d91a5a6ac24.84af03d3a805e8b8',6,X'738E59BAE609784DBD7E780D772875E41E02F1B34ABA5FBE6701C0205E3551BD','{"origin":"bfeb0d91a5a6ac24.84af03d3a805e8b8","seq":6,"prev":"188b3d08c36ed00dbb74115626672c924221deb6a6e8ff65d1eae2a6061d4081","act":"refusal","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000005,"gate":"North","direction":"in","code":"d02f48439118cf60a930f2d5bc2b61f4","outcome":"refuse","reason":"unknown","position":"7bafaa2f:1"}');
INSERT INTO "entry" VALUES(7,'bfeb0d91a5a6ac24.84af03d3a805e8b8',7,X'9021F399B6F55499FF5A2952A005FDD21FE3A2C138DC070A7669E0BC0C0A05DF','{"origin":"bfeb0d91a5a6ac24.84af03d3a805e8b8","seq":7,"prev":"738e59bae609784dbd7e780d772875e41e02f1b34aba5fbe6701c0205e3551bd","act":"admission","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000006,"gate":"North","direction":"in","ticket":"good-3","ticket_type":"SHOW","outcome":"admit","reason":"admitted","uses":1,"persons":1,"ordinal":0,"position":"7bafaa2f:1"}');
INSERT INTO "entry" VALUES(8,'bfeb0d91a5a6ac24.84af03d3a805e8b8',8,X'C135CEE6F28F99B65E58EA364486254C5003027440B63223732DB232AD516B28','{"origin":"bfeb0d91a5a6ac24.84af03d3a805e8b8","seq":8,"prev":"9021f399b6f55499ff5a2952a005fdd21fe3a2c138dc070a7669e0bc0c0a05df","act":"annulment","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000007,"gate":"North","direction":"in","ticket":"good-3","ticket_type":"SHOW","target":"bfeb0d91a5a6ac24.84af03d3a805e8b8:7","position":"7bafaa2f:1"}');
INSERT INTO "entry" VALUES(9,'bfeb0d91a5a6ac24.84af03d3a805e8b8',9,X'F83E43320733AB5D0AB223C0A8842E9D49165A3403484DB574D3E91EB3AD3669','{"origin":"bfeb0d91a5a6ac24.84af03d3a805e8b8","seq":9,"prev":"c135cee6f28f99b65e58ea364486254c5003027440b63223732db232ad516b28","act":"lane_closed","at_ms":1798000000000,"boot_ms":5000000,"hlc":117833728000000008,"gate":"North","direction":"in","position":"7bafaa2f:1"}');
CREATE TABLE missing (
    origin TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (origin, first)
) WITHOUT ROWID;
CREATE TABLE orphan (
    id INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    ticket TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    body TEXT NOT NULL
);
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
INSERT INTO "state" VALUES('good-3',0,0,1,NULL,NULL);
INSERT INTO "state" VALUES('pass-1',1,1,1,4,4);
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
INSERT INTO "tally" VALUES(29966666,'North','','PASS','admit','admitted','',1,1,0,0);
INSERT INTO "tally" VALUES(29966666,'North','','SHOW','admit','admitted','',3,2,0,1);
INSERT INTO "tally" VALUES(29966666,'North','','SHOW','annulment','','',1,0,0,0);
INSERT INTO "tally" VALUES(29966666,'North','','SHOW','refuse','already_used','',1,0,0,0);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX entry_facts ON entry (ticket, ordinal)
    WHERE act IN ('admission', 'exit', 'annulment');
CREATE INDEX entry_resolutions ON entry (ticket) WHERE act = 'resolution';
CREATE INDEX entry_undos ON entry (ticket) WHERE act = 'annulment';
CREATE VIEW counted AS SELECT * FROM entry;
CREATE INDEX entry_lane ON entry (id) WHERE act IN ('lane_opened', 'lane_closed');
CREATE INDEX orphan_ticket ON orphan (ticket);
COMMIT;
