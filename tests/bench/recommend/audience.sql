-- A catalogue of 25,000 titles and 10,000 profiles of the one account, who watched sixty titles each: 70 % of the fortieth of the
-- catalogue that they like, the others of all of it, and what is popular most.
create temporary table shelf as select n, gen_random_uuid() as id, gen_random_uuid() as encode_id from generate_series(0, 24999) n;
insert into videos (id, owner_id, title, status, ready_at, duration_ms, language, year, genres, encode_id)
select shelf.id, users.id, 'Film ' || n, 'ready', now(), 5400000, 'en', 1960 + n % 60,
       array[(array['drama', 'comedy', 'crime', 'family', 'war', 'music'])[1 + n / 625 % 6],
             (array['thriller', 'romance', 'history', 'animation', 'documentary', 'adventure', 'western'])[1 + n % 7]],
       shelf.encode_id
from shelf, users;
-- All have a poster.
insert into uploads (id, video_id, user_id, filename, length_bytes, offset_bytes, growing, hash_state, expires_at, finished_at)
select shelf.id, shelf.id, users.id, 'film.mp4', 1, 1, '{}', '', now() + interval '1 day', now() from shelf, users;
insert into encodes (id, video_id, upload_id, source, plan, encoder_version, published_at, thumbnails)
select encode_id, id, id, '{}', '{}', 'made', now(), '{"posters": [{"time_ms": 1000}]}' from shelf;

create temporary table audience as select n, gen_random_uuid() as id from generate_series(0, 9999) n;
insert into profiles (id, user_id, name) select audience.id, users.id, 'Viewer ' || n from audience, users;

select setseed(0.5);
create temporary table watched as
select audience.id as profile_id,
       case when random() < 0.7 then n % 40 * 625 + floor(625 * random() ^ 2) else floor(25000 * random() ^ 3) end::int as title,
       now() - random() * interval '90 days' as updated_at
from audience, generate_series(1, 60);
insert into watch_positions (profile_id, video_id, position_ms, finished, updated_at)
select profile_id, shelf.id, 5300000, true, updated_at from watched join shelf on shelf.n = title
on conflict do nothing;
analyze;
