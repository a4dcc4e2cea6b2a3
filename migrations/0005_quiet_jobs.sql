-- Jobs change several times each, so that what a change costs is what a job costs.

-- NOTIFY makes transactions commit one after the other (PostgreSQL manual, "NOTIFY"): jobs took turns on the whole cluster. What
-- changes of a video itself is still told; how far its jobs are is looked at.
drop trigger jobs_changed on jobs;

create or replace function notify_video() returns trigger language plpgsql as $$
begin
    perform pg_notify('video', new.id::text);
    return null;
end $$;

-- No column that changes while a job is claimed and works is in an index, and pages have room for another version of a row: then
-- none of the indexes is written (PostgreSQL manual, "Heap-Only Tuples").
drop index jobs_due;
create index jobs_open on jobs (due_at) where finished_at is null;
alter table jobs set (fillfactor = 70);
