-- A title changes while it is shown: what is made takes the place of what is shown once it is published.
alter table videos
    -- How far the change is; null if there is none.
    add column change_status text check
        (change_status in ('uploading', 'uploaded', 'inspecting', 'encoding', 'publishing', 'failed')),
    add column change_failure_code text,
    add column change_failure_message text,
    -- The encode that will be shown.
    add column next_encode_id uuid references encodes deferrable initially deferred,
    add constraint videos_change check (change_status is null or status = 'ready'),
    add constraint videos_change_failure check
        (coalesce(change_status = 'failed', false) = (change_failure_code is not null));

-- What was made of the same bytes before need not be made again.
create index uploads_sha256 on uploads (sha256) where sha256 is not null;
create index encodes_upload on encodes (upload_id);

-- What the tracks of a source hold, once it was compared with another one of the same video (core/src/fingerprint.rs).
alter table uploads add column fingerprints jsonb;
