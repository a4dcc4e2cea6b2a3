-- Pictures of a segment that were judged before it was stored, and the processor time that judging took.
alter table segments add column judged jsonb not null default '[]';
alter table finished_chunks add column quality_cpu_ms bigint not null default 0;
