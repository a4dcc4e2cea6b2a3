-- What a recommender needs to know: facts of titles, rules of profiles, opinions, and what was shown to whom by which choice.

-- Whether a list of names is one: none of them empty or endless, and not too many.
create function names_fit(names text[], count_max integer) returns boolean language sql immutable as $$
    select cardinality(names) <= count_max
       and not exists (select from unnest(names) as name where name is null or char_length(name) not between 1 and 100)
$$;

-- Whether a list of territories is one: ISO 3166-1 alpha-2, of which there are 249.
create function territories_fit(territories text[]) returns boolean language sql immutable as $$
    select cardinality(territories) between 1 and 250
       and not exists (select from unnest(territories) as territory where territory is null or territory !~ '^[A-Z]{2}$')
$$;

alter table videos
    add column genres text[] not null default '{}' check (names_fit(genres, 20)),
    add column people text[] not null default '{}' check (names_fit(people, 100)),
    add column year integer check (year between 1850 and 2200),
    -- BCP 47.
    add column language text check (char_length(language) <= 35 and language ~ '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$'),
    -- From which age; null if it was not rated.
    add column maturity_age smallint check (maturity_age between 0 and 21),
    -- Where it may be shown; null if everywhere.
    add column territories text[] check (territories_fit(territories)),
    add column description text check (char_length(description) between 1 and 4000),
    -- When it may be shown: from then on, and until before then.
    add column available_from timestamptz,
    add column available_until timestamptz,
    add constraint videos_available check (available_from < available_until);

alter table profiles
    -- Nothing above it is shown, and nothing that was not rated; null if there is no such rule.
    add column maturity_age_max smallint check (maturity_age_max between 0 and 21),
    -- What the household does not want to see.
    add column genres_hidden text[] not null default '{}' check (names_fit(genres_hidden, 20)),
    -- Counts all that changes what may be recommended to this profile.
    add column taste_version bigint not null default 0;

-- What holds for the parent holds for all its partitions, those included that are made later.
alter table watch_events
    drop constraint watch_events_kind_check,
    add constraint watch_events_kind_check check (kind in
        ('start', 'progress', 'finish', 'stop', 'abandon', 'rate', 'like', 'dislike', 'unlike', 'list', 'unlist',
         'click', 'search_click', 'impression')),
    -- What a `rate` says.
    add column value real check (value between 0 and 1),
    -- Of a `click` or an `impression`: the row of recommendations, and where in it, from 0.
    add column "row" text check (char_length("row") between 1 and 50),
    add column place smallint check (place >= 0),
    -- What chose the title, and how likely it was to choose it.
    add column model_id uuid,
    add column propensity real check (propensity > 0 and propensity <= 1),
    add column experiment text check (char_length(experiment) between 1 and 50),
    add column variant text check (char_length(variant) between 1 and 50);
-- Reports on experiments read impressions alone.
create index watch_events_impressions on watch_events (received_at, id) where kind = 'impression';

-- What a profile said of a title. Each field goes with the time when it was said, since reports come in any order.
create table title_opinions (
    profile_id uuid not null references profiles on delete cascade,
    video_id   uuid not null references videos on delete cascade,
    -- 1 liked, -1 disliked, 0 neither.
    liked      smallint not null default 0 check (liked in (-1, 0, 1)),
    liked_at   timestamptz,
    rating     real check (rating between 0 and 1),
    rated_at   timestamptz,
    listed     boolean not null default false,
    -- When it was last put on the list, or taken off it.
    listed_at  timestamptz,
    -- When it was last chosen from what a search found.
    clicked_at timestamptz,
    updated_at timestamptz not null,
    primary key (profile_id, video_id)
);
create index title_opinions_recent on title_opinions (profile_id, updated_at desc);
