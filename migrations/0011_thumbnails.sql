-- A kind of job that makes posters and tiles of an encode, beside its publishing.
alter table jobs drop constraint jobs_kind_check;
alter table jobs add constraint jobs_kind_check check
    (kind in ('inspect', 'analyse', 'encode', 'audio', 'subtitles', 'thumbnails', 'publish'));

-- What is stored of them, once all of it is; and the poster that an editor chose in place of the best, by its time.
alter table encodes add column thumbnails jsonb;
alter table encodes add column poster_ms bigint;
