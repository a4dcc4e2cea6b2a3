-- Subtitles are a job of their own, and text is a kind of track.
alter table jobs drop constraint jobs_kind_check;
alter table jobs add constraint jobs_kind_check
    check (kind in ('inspect', 'analyse', 'encode', 'audio', 'subtitles', 'publish'));
alter table renditions drop constraint renditions_track_check;
alter table renditions add constraint renditions_track_check check (track in ('video', 'audio', 'text'));
alter table finished_chunks drop constraint finished_chunks_track_check;
alter table finished_chunks add constraint finished_chunks_track_check check (track in ('video', 'audio', 'text'));
