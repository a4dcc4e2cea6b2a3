-- Checksums of sources, block by block: see core/src/sums.rs. Rows are only ever added, one for each commit of an upload, which is
-- some megabytes long: a film of 100 GB has about 12,000 of them, together less than 2 MB.

create table source_sums (
    upload_id   uuid not null references uploads on delete cascade,
    first_block integer not null check (first_block >= 0),
    -- CRC-32C of the blocks from that one on, 4 bytes each, big-endian.
    sums        bytea not null,
    primary key (upload_id, first_block)
);

-- The sum of the block that is not whole yet. It counts only if it is of all bytes that came: uploads begun before there were sums,
-- and those that an older process went on with meanwhile, have a block without one.
alter table uploads
    add column summed_bytes bigint not null default -1,
    add column begun_sum    integer;
