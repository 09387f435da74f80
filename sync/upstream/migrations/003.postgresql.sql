-- Version 0.2: devices of before are ours too.
CREATE TABLE upstream_device (
    url TEXT NOT NULL,
    account TEXT NOT NULL,
    device TEXT NOT NULL,
    PRIMARY KEY (url, account, device)
);
INSERT INTO upstream_device SELECT DISTINCT url, account, device FROM upstream;
