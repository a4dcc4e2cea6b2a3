-- Whether a video whose source is damaged, or lost a part, is to become a title of what is readable.
alter table videos add column accept_damaged boolean not null default false;
