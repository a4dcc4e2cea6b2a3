-- A kind of job that measures what a title's ladder is chosen by.
alter table jobs drop constraint jobs_kind_check;
alter table jobs add constraint jobs_kind_check check (kind in ('inspect', 'analyse', 'encode', 'audio', 'publish'));
