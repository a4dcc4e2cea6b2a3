-- Sources whose parts go to the object store itself.

alter table uploads
    -- Size of each part but the last one; null for an upload by tus.
    add column part_bytes    bigint check (part_bytes > 0),
    -- What the sender of parts says of the whole. What it is, `sha256`, is null until a worker has read it.
    add column stated_sha256 bytea;
