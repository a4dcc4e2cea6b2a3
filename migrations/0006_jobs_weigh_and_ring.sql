-- Jobs of one encode differ in work: a chunk may be made in some rungs first and in the others later. Progress is what is done of all
-- weights; a job without weight is no part of it.
alter table jobs add column weight real not null default 0;
update jobs set weight = 1 where kind in ('encode', 'audio') and encode_id is not null;

-- Said when the ring is decided, not when it is published: that was one more version of every row, five hundred at a time, for which
-- their pages had no room. A ring that had to wait in the outbox is therefore repeated once, soon after it was published.
alter table jobs alter column rung_at set default now();
