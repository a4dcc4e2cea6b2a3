-- Accounts, videos, uploads, encodes, the ledger, jobs, events. Forward only: later changes are new files.

create table users (
    id            uuid primary key,
    email         text not null check (char_length(email) <= 320),
    name          text not null check (char_length(name) between 1 and 200),
    password_hash text not null,
    role          text not null check (role in ('viewer', 'editor', 'publisher', 'operator', 'admin')),
    created_at    timestamptz not null default now(),
    disabled_at   timestamptz
);
create unique index users_email on users (lower(email));

-- Refresh tokens rotate with each use. A second use of one revokes its whole family.
create table refresh_tokens (
    token_hash bytea primary key,
    family     uuid not null,
    user_id    uuid not null references users on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at    timestamptz,
    revoked_at timestamptz
);
create index refresh_tokens_family on refresh_tokens (family);
create index refresh_tokens_user on refresh_tokens (user_id);

create table profiles (
    id         uuid primary key,
    user_id    uuid not null references users on delete cascade,
    name       text not null check (char_length(name) between 1 and 100),
    is_default boolean not null default false,
    created_at timestamptz not null default now()
);
create unique index profiles_default on profiles (user_id) where is_default;
create index profiles_user on profiles (user_id);

-- Keys that sign access tokens and playback tokens. Public parts go to whoever verifies.
create table signing_keys (
    kid        text primary key,
    purpose    text not null check (purpose in ('access', 'playback')),
    secret     bytea not null,
    created_at timestamptz not null default now(),
    retired_at timestamptz
);

-- Answers to POSTs that create, kept so that a repeated request does not create twice.
create table idempotency_keys (
    user_id      uuid not null references users on delete cascade,
    key          text not null check (char_length(key) <= 200),
    request_hash bytea not null,
    status       integer,
    body         jsonb,
    created_at   timestamptz not null default now(),
    primary key (user_id, key)
);

create table videos (
    id              uuid primary key,
    owner_id        uuid not null references users,
    title           text not null check (char_length(title) between 1 and 500),
    status          text not null default 'created' check (status in
        ('created', 'uploading', 'uploaded', 'inspecting', 'encoding', 'publishing', 'ready', 'failed')),
    failure_code    text,
    failure_message text,
    duration_ms     bigint,
    -- The encode that is being made or was published last; playback uses it.
    encode_id       uuid,
    -- Set when the first chunk and the first sound are committed.
    playable_at     timestamptz,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    ready_at        timestamptz,
    deleted_at      timestamptz,
    check ((status = 'failed') = (failure_code is not null))
);
create index videos_owner on videos (owner_id, id desc) where deleted_at is null;
create index videos_list on videos (id desc) where deleted_at is null;

-- One transfer of a source. While it grows, `growing` and `hash_state` say what is durable.
create table uploads (
    id           uuid primary key,
    video_id     uuid not null references videos on delete cascade,
    user_id      uuid not null references users,
    filename     text not null check (char_length(filename) <= 500),
    length_bytes bigint not null check (length_bytes >= 0),
    offset_bytes bigint not null default 0 check (offset_bytes between 0 and length_bytes),
    growing      jsonb not null,
    hash_state   bytea not null,
    sha256       bytea,
    -- Whoever appends now; two requests never append to one upload at a time.
    locked_by    uuid,
    locked_until timestamptz,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,
    finished_at  timestamptz
);
create index uploads_video on uploads (video_id);
create index uploads_open on uploads (user_id) where finished_at is null;
create index uploads_expiry on uploads (expires_at) where finished_at is null;

create table encodes (
    id              uuid primary key,
    video_id        uuid not null references videos on delete cascade,
    upload_id       uuid not null references uploads,
    source          jsonb not null,
    plan            jsonb not null,
    encoder_version text not null,
    report          jsonb,
    created_at      timestamptz not null default now(),
    published_at    timestamptz
);
create index encodes_video on encodes (video_id);
alter table videos add constraint videos_encode foreign key (encode_id) references encodes deferrable initially deferred;

-- The ledger, part 1: one row for each rendition of an encode, written with its first init segment.
create table renditions (
    encode_id    uuid not null references encodes on delete cascade,
    track        text not null check (track in ('video', 'audio')),
    rendition    text not null,
    -- What manifests need to know of the track: codec string, size, rate, channels (packager's own type).
    description  jsonb not null,
    init_bytes   bigint not null,
    init_sha256  bytea not null,
    primary key (encode_id, track, rendition)
);

-- The ledger, part 2: one row for each stored media segment.
create table segments (
    encode_id      uuid not null,
    track          text not null,
    rendition      text not null,
    number         integer not null check (number >= 1),
    chunk          integer not null,
    -- In the rendition's own timescale.
    start_ticks    bigint not null,
    duration_ticks bigint not null check (duration_ticks > 0),
    size_bytes     bigint not null check (size_bytes > 0),
    -- Byte ranges of the IDRs inside the segment, for I-frame playlists; empty for sound.
    iframes        jsonb not null default '[]',
    sha256         bytea not null,
    job_id         uuid not null,
    attempt        integer not null,
    primary key (encode_id, track, rendition, number),
    foreign key (encode_id, track, rendition) references renditions on delete cascade
);

-- The ledger, part 3: what is finished. Video: (chunk, rung); audio: (0, rendition), written at the end of the track.
create table finished_chunks (
    encode_id   uuid not null references encodes on delete cascade,
    track       text not null check (track in ('video', 'audio')),
    rendition   text not null,
    chunk       integer not null,
    frames      bigint not null,
    damaged     bigint not null default 0,
    cpu_ms      bigint not null,
    -- What the content team should know about this piece.
    notes       jsonb not null default '[]',
    committed_at timestamptz not null default now(),
    primary key (encode_id, track, rendition, chunk)
);

create table jobs (
    id            uuid primary key,
    kind          text not null check (kind in ('inspect', 'encode', 'audio', 'publish')),
    class         text not null check (class in ('urgent', 'normal', 'bulk')),
    payload       jsonb not null,
    dedup_key     text not null unique,
    video_id      uuid not null references videos on delete cascade,
    encode_id     uuid references encodes on delete cascade,
    state         text not null default 'queued' check (state in ('queued', 'running', 'done', 'dead', 'cancelled')),
    -- Fences late writers: it only ever grows.
    attempt       integer not null default 0,
    -- Attempts that do not count against the limit: given back by a draining worker, or before a retry by hand.
    forgiven      integer not null default 0,
    progress      real not null default 0,
    due_at        timestamptz not null default now(),
    lease_owner   text,
    lease_until   timestamptz,
    last_error    text,
    trace         text,
    created_at    timestamptz not null default now(),
    started_at    timestamptz,
    finished_at   timestamptz,
    -- When the doorbell was last rung for it, so that the sweep does not ring without pause.
    rung_at       timestamptz,
    -- The job whose failure made this one pointless; retrying that one revives this one.
    cancelled_by  uuid,
    check ((state = 'running') = (lease_until is not null))
);
create index jobs_due on jobs (due_at) where state in ('queued', 'running');
create index jobs_video on jobs (video_id);
create index jobs_encode on jobs (encode_id);
create index jobs_cancelled on jobs (cancelled_by) where cancelled_by is not null;

-- Outbox: written in the transaction that makes a job due; the relay publishes and deletes.
create table outbox (
    id         bigint generated always as identity primary key,
    job_id     uuid not null references jobs on delete cascade,
    created_at timestamptz not null default now()
);
create index outbox_job on outbox (job_id);

-- The `postgres:` queue.
create table queue_messages (
    id            bigint generated always as identity primary key,
    kind          text not null,
    class_rank    smallint not null,
    body          jsonb not null,
    created_at    timestamptz not null default now(),
    -- Delivered and not acknowledged: invisible until then.
    hidden_until  timestamptz
);
create index queue_messages_next on queue_messages (class_rank, id);
-- However often the doorbell rings for a job, one message is enough.
create unique index queue_messages_job on queue_messages ((body ->> 'job'));

-- Messages that no worker can read, for people to look at.
create table queue_dead_messages (
    id      bigint primary key,
    kind    text not null,
    body    jsonb not null,
    reason  text not null,
    dead_at timestamptz not null default now()
);

-- What players report. Partitioned by month; the scheduler keeps partitions ahead.
create table watch_events (
    id          uuid not null,
    profile_id  uuid not null,
    video_id    uuid not null,
    kind        text not null check (kind in ('start', 'progress', 'finish', 'stop')),
    position_ms bigint not null check (position_ms >= 0),
    happened_at timestamptz not null,
    received_at timestamptz not null default now(),
    primary key (id, received_at)
) partition by range (received_at);
create table watch_events_default partition of watch_events default;

-- Makes the partition of the month that `day` lies in. Events that were waiting in the default partition move there.
create function watch_events_ensure_month(day date) returns void language plpgsql as $$
declare
    first date := date_trunc('month', day);
    next  date := first + interval '1 month';
    name  text := 'watch_events_' || to_char(first, 'YYYY_MM');
begin
    if to_regclass(name) is not null then
        return;
    end if;
    execute format('create table %I (like watch_events including all)', name);
    execute format('with moved as (delete from watch_events_default where received_at >= %L and received_at < %L returning *)
                    insert into %I select * from moved', first, next, name);
    execute format('alter table watch_events attach partition %I for values from (%L) to (%L)', name, first, next);
end $$;
create index watch_events_profile on watch_events (profile_id, received_at desc);
create index watch_events_video on watch_events (video_id, received_at desc);

-- Newest position of a profile in a video: resume, history, and what the recommender folds in.
create table watch_positions (
    profile_id  uuid not null references profiles on delete cascade,
    video_id    uuid not null references videos on delete cascade,
    position_ms bigint not null,
    finished    boolean not null default false,
    updated_at  timestamptz not null default now(),
    primary key (profile_id, video_id)
);
create index watch_positions_recent on watch_positions (profile_id, updated_at desc);

-- Model repository: the files are objects, this says which are live.
create table models (
    id          uuid primary key,
    object_key  text not null unique,
    metrics     jsonb not null,
    created_at  timestamptz not null default now(),
    deployed_at timestamptz
);

-- Tells whoever shows videos that one has changed; the payload is its id.
create function notify_video() returns trigger language plpgsql as $$
begin
    if tg_table_name = 'videos' then
        perform pg_notify('video', new.id::text);
    else
        perform pg_notify('video', new.video_id::text);
    end if;
    return null;
end $$;
create trigger videos_changed after insert or update on videos for each row execute function notify_video();
create trigger jobs_changed after insert or update of state, progress on jobs for each row execute function notify_video();

-- Edges hold the keys that verify playback tokens: their feed is told of every change.
create function notify_keys() returns trigger language plpgsql as $$
begin
    perform pg_notify('keys', '');
    return null;
end $$;
create trigger signing_keys_changed after insert or update or delete on signing_keys
    for each statement execute function notify_keys();
