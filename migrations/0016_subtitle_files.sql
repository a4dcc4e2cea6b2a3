-- Subtitles that came beside a film, as files of their own. What was in the file is kept as WebVTT, read and found to be right when it
-- came: encodes have it in segments, and copies of it.
create table subtitles (
    id uuid primary key,
    video_id uuid not null references videos on delete cascade,
    -- BCP 47.
    language text not null check (language <> ''),
    -- What its author calls it; null where its language says enough.
    name text check (name <> ''),
    forced boolean not null,
    hearing_impaired boolean not null,
    -- What the file was: SRT, WebVTT, ASS or TTML.
    format text not null,
    cues integer not null check (cues > 0),
    -- What was repaired, left out or guessed.
    notes jsonb not null default '[]',
    text text not null,
    created_by uuid references users on delete set null,
    created_at timestamptz not null default now(),
    -- Since when no new encode has it.
    removed_at timestamptz
);
create index subtitles_video on subtitles (video_id) where removed_at is null;
create index subtitles_removed on subtitles (removed_at) where removed_at is not null;

-- Whether somebody has to look if what a video shows has the subtitles that it should have.
alter table videos add column subtitles_due boolean not null default false;
create index videos_subtitles_due on videos (id) where subtitles_due;
