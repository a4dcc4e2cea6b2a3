-- What was learned since a model was trained. The files are objects; the newest one of the deployed model counts.
create table model_deltas (
    id         uuid primary key,
    -- A model goes after its deltas: while there is a row there may be an object.
    model_id   uuid not null references models,
    created_at timestamptz not null default now()
);
create index model_deltas_model on model_deltas (model_id, id desc);

-- What was watched by then is known to a model with its newest delta; null as long as nobody looked since it was trained.
alter table models add column known_at timestamptz;

-- What changed since some time, page by page.
create index watch_positions_changed on watch_positions (updated_at, profile_id, video_id);
create index title_opinions_changed on title_opinions (updated_at, profile_id, video_id);
