-- Jobs of one encode differ in work: a chunk may be made in some rungs first and in the others later. Progress is what is done of all
-- weights; a job without weight is no part of it.
alter table jobs add column weight real not null default 0;

-- Said when the ring is decided, not when it is published: that was one more version of every row, five hundred at a time, for which
-- their pages had no room.
alter table jobs alter column rung_at set default now();
