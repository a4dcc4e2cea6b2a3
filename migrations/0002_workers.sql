-- Processes that work on jobs: who they are, what they can do, and when they were last heard of.

create table workers (
    id           uuid primary key,
    -- Host and process, for people.
    name         text not null,
    version      text not null,
    slots        integer not null check (slots > 0),
    kinds        text[] not null,
    classes      text[] not null,
    -- What its machine and its libraries offer.
    capabilities jsonb not null,
    draining     boolean not null default false,
    started_at   timestamptz not null default now(),
    seen_at      timestamptz not null default now()
);
