-- How a video's encodes are protected from now on: scheme and number of keys; null if they stay in the clear.
alter table videos add column protection jsonb;

-- Secrets of the content keys of an encode, sealed with the master key of the configuration. What is no secret of a key its plan says.
create table content_keys (
    -- What files, manifests and licence requests name it by.
    id uuid primary key,
    encode_id uuid not null references encodes on delete cascade,
    sealed bytea not null,
    created_at timestamptz not null default now()
);
create index content_keys_encode on content_keys (encode_id);
