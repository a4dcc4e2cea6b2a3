-- Processor time that looking at the source took, for what a title cost.
alter table encodes add column inspect_cpu_ms bigint not null default 0;
